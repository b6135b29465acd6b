// A DTLS 1.2 client or server of pion v4, which has connection IDs and return routability checks.
package main

import (
	"crypto/rand"
	"net"

	"github.com/pion/dtls/v4"
	"github.com/pion/dtls/v4/pkg/crypto/ciphersuite"
	"github.com/pion/dtls/v4/pkg/protocol"

	"pion-peers/peer"
)

var suites = map[string]ciphersuite.ID{
	"ECDHE-ECDSA-AES128-GCM-SHA256": ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"PSK-AES128-CCM8":               ciphersuite.TLS_PSK_WITH_AES_128_CCM_8,
	"PSK-AES128-GCM-SHA256":         ciphersuite.TLS_PSK_WITH_AES_128_GCM_SHA256,
	"ECDHE-PSK-AES128-CBC-SHA256":   ciphersuite.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
}

func main() {
	peer.Run(peer.Library{Module: "github.com/pion/dtls/v4", Dial: dial, Listen: listen})
}

func dial(address *net.UDPAddr, given peer.Given) (net.Conn, error) {
	var all []dtls.ClientOption
	for _, option := range options(given) {
		all = append(all, option)
	}
	return dtls.Dial("udp", address, all...)
}

func listen(address *net.UDPAddr, given peer.Given) (net.Listener, error) {
	var all []dtls.ServerOption
	for _, option := range options(given) {
		all = append(all, option)
	}
	return dtls.ListenAddr("udp", address, all...)
}

func options(given peer.Given) []dtls.Option {
	all := []dtls.Option{
		dtls.WithMinVersion(protocol.Version1_2),
		dtls.WithMaxVersion(protocol.Version1_2),
		dtls.WithCipherSuites(suites[given.Suite]),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
	}
	if given.IDLength > 0 {
		generate := func() []byte {
			id := make([]byte, given.IDLength)
			_, err := rand.Read(id)
			peer.Check(err)
			return id
		}
		all = append(all, dtls.WithConnectionID(generate, dtls.CIDPathMigrationRRC))
	}
	if given.Key != nil {
		own := dtls.PSK{Identity: []byte(given.Identity), Key: given.Key}
		all = append(all, dtls.WithPSK(
			func() ([]dtls.PSK, error) { return []dtls.PSK{own}, nil },
			func([][]byte) (*dtls.PSK, error) { return &own, nil },
		))
	}
	if given.Authorities != nil {
		all = append(all, dtls.WithRootCAs(given.Authorities), dtls.WithServerName("localhost"))
	}
	if given.Certificates != nil {
		all = append(all, dtls.WithCertificates(given.Certificates...))
	}
	return all
}
