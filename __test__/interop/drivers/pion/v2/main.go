// A DTLS 1.2 client or server of pion v2, which can resume.
package main

import (
	"context"
	"fmt"
	"net"

	"github.com/pion/dtls/v2"

	"pion-peers/peer"
)

var suites = map[string]dtls.CipherSuiteID{
	"ECDHE-ECDSA-AES128-GCM-SHA256": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES128-CCM8":       dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
	"ECDHE-RSA-AES128-GCM-SHA256":   dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"PSK-AES128-CCM8":               dtls.TLS_PSK_WITH_AES_128_CCM_8,
	"PSK-AES128-CCM":                dtls.TLS_PSK_WITH_AES_128_CCM,
	"PSK-AES128-GCM-SHA256":         dtls.TLS_PSK_WITH_AES_128_GCM_SHA256,
	"ECDHE-PSK-AES128-CBC-SHA256":   dtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
}

// Of all connections of the program.
var kept = sessions{}

func main() {
	peer.Run(peer.Library{
		Module: "github.com/pion/dtls/v2",
		Dial: func(address *net.UDPAddr, given peer.Given) (net.Conn, error) {
			return dtls.Dial("udp", address, configure(given))
		},
		Listen: func(address *net.UDPAddr, given peer.Given) (net.Listener, error) {
			return dtls.Listen("udp", address, configure(given))
		},
	})
}

func configure(given peer.Given) *dtls.Config {
	config := &dtls.Config{
		CipherSuites:         []dtls.CipherSuiteID{suites[given.Suite]},
		Certificates:         given.Certificates,
		ExtendedMasterSecret: dtls.RequireExtendedMasterSecret,
		MTU:                  1200,
		ConnectContextMaker: func() (context.Context, func()) {
			return context.WithTimeout(context.Background(), peer.Patience)
		},
	}
	if given.Resumes {
		config.SessionStore = kept
	}
	if given.Key != nil {
		config.PSKIdentityHint = []byte(given.Identity)
		config.PSK = func(identity []byte) ([]byte, error) {
			if given.IsServer && string(identity) != given.Identity {
				return nil, fmt.Errorf("unknown identity %q", identity)
			}
			return given.Key, nil
		}
	}
	if given.Authorities != nil {
		config.RootCAs, config.ClientCAs = given.Authorities, given.Authorities
		config.ServerName = "localhost"
		if given.IsServer {
			config.ClientAuth = dtls.RequireAndVerifyClientCert
		}
	}
	return config
}

// Sessions by the id that a client offers, or by the server that it talks to.
type sessions map[string]dtls.Session

func (s sessions) Set(key []byte, session dtls.Session) error {
	s[string(key)] = session
	return nil
}

func (s sessions) Get(key []byte) (dtls.Session, error) {
	return s[string(key)], nil
}

func (s sessions) Del(key []byte) error {
	delete(s, string(key))
	return nil
}
