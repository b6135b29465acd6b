// A client or server of pion v4, of DTLS 1.2 or 1.3, which has connection IDs and return routability checks.
package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"net"
	"strings"

	"github.com/pion/dtls/v4"
	"github.com/pion/dtls/v4/pkg/crypto/ciphersuite"
	"github.com/pion/dtls/v4/pkg/crypto/elliptic"
	"github.com/pion/dtls/v4/pkg/protocol"

	"pion-peers/peer"
)

var suites = map[string]ciphersuite.ID{
	"ECDHE-ECDSA-AES128-GCM-SHA256": ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"PSK-AES128-CCM8":               ciphersuite.TLS_PSK_WITH_AES_128_CCM_8,
	"PSK-AES128-GCM-SHA256":         ciphersuite.TLS_PSK_WITH_AES_128_GCM_SHA256,
	"ECDHE-PSK-AES128-CBC-SHA256":   ciphersuite.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
	"TLS_AES_128_GCM_SHA256":        ciphersuite.TLS_AES_128_GCM_SHA256,
	"TLS_AES_256_GCM_SHA384":        ciphersuite.TLS_AES_256_GCM_SHA384,
	"TLS_CHACHA20_POLY1305_SHA256":  ciphersuite.TLS_CHACHA20_POLY1305_SHA256,
}

var groups = map[string]elliptic.Curve{
	"P-256":          elliptic.P256,
	"P-384":          elliptic.P384,
	"X25519":         elliptic.X25519,
	"X25519MLKEM768": elliptic.X25519MLKEM768,
}

func main() {
	peer.Run(peer.Library{Module: "github.com/pion/dtls/v4", Dial: dial, Listen: listen, Update: update})
}

func update(conn net.Conn) error {
	limit, cancel := context.WithTimeout(context.Background(), peer.Patience)
	defer cancel()
	return conn.(*dtls.Conn).UpdateKeys(limit, dtls.KeyUpdateOptions{RequestPeerUpdate: true})
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
	if given.Authorities != nil {
		all = append(all, dtls.WithClientAuth(dtls.RequireAndVerifyClientCert), dtls.WithClientCAs(given.Authorities))
	}
	return dtls.ListenAddr("udp", address, all...)
}

func options(given peer.Given) []dtls.Option {
	version := protocol.Version1_2
	if given.IsNewer {
		version = protocol.Version1_3
	}
	all := []dtls.Option{
		dtls.WithMinVersion(version),
		dtls.WithMaxVersion(version),
		dtls.WithCipherSuites(suites[given.Suite]),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
	}
	if given.Group != "" {
		all = append(all, dtls.WithEllipticCurves(groups[given.Group]))
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
		own := dtls.PSK{Identity: []byte(given.Identity), Key: given.Key, Hash: crypto.SHA256}
		if strings.HasSuffix(given.Suite, "SHA384") {
			own.Hash = crypto.SHA384
		}
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
