// A DTLS 1.2 client or server of pion v3, which has connection IDs.
package main

import (
	"net"

	"github.com/pion/dtls/v3"

	"pion-peers/peer"
)

var suites = map[string]dtls.CipherSuiteID{
	"ECDHE-ECDSA-AES128-GCM-SHA256": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"PSK-AES128-CCM8":               dtls.TLS_PSK_WITH_AES_128_CCM_8,
	"PSK-AES128-GCM-SHA256":         dtls.TLS_PSK_WITH_AES_128_GCM_SHA256,
	"ECDHE-PSK-AES128-CBC-SHA256":   dtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
}

func main() {
	peer.Run(peer.Library{
		Module: "github.com/pion/dtls/v3",
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
	}
	if given.IDLength > 0 {
		config.ConnectionIDGenerator = dtls.RandomCIDGenerator(given.IDLength)
	}
	if given.Key != nil {
		config.PSKIdentityHint = []byte(given.Identity)
		config.PSK = func([]byte) ([]byte, error) { return given.Key, nil }
	}
	if given.Authorities != nil {
		config.RootCAs, config.ServerName = given.Authorities, "localhost"
	}
	return config
}
