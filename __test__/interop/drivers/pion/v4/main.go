// A DTLS 1.2 client or server of pion v4 with connection IDs and return routability checks, as the matrix wants one: see
// ../../../matrix/drivers.js.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v4"
	"github.com/pion/dtls/v4/pkg/crypto/ciphersuite"
	"github.com/pion/dtls/v4/pkg/protocol"
)

var suites = map[string]ciphersuite.ID{
	"ECDHE-ECDSA-AES128-GCM-SHA256": ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"PSK-AES128-CCM8":               ciphersuite.TLS_PSK_WITH_AES_128_CCM_8,
	"PSK-AES128-GCM-SHA256":         ciphersuite.TLS_PSK_WITH_AES_128_GCM_SHA256,
	"ECDHE-PSK-AES128-CBC-SHA256":   ciphersuite.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
}

func main() {
	if len(os.Args) < 3 {
		fmt.Println(version())
		return
	}
	role, port := os.Args[1], number(os.Args[2])
	values := map[string]string{}
	for _, argument := range os.Args[3:] {
		name, value, _ := strings.Cut(argument, "=")
		values[name] = value
	}
	address := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	if role == "client" {
		runClient(address, values)
	} else {
		runServer(address, values)
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/pion/dtls/v4" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "4"
}

func options(values map[string]string) []dtls.Option {
	all := []dtls.Option{
		dtls.WithMinVersion(protocol.Version1_2),
		dtls.WithMaxVersion(protocol.Version1_2),
		dtls.WithCipherSuites(suites[values["suite"]]),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
	}
	if length, given := values["id"]; given {
		size := number(length)
		generate := func() []byte {
			id := make([]byte, size)
			_, err := rand.Read(id)
			check(err)
			return id
		}
		all = append(all, dtls.WithConnectionID(generate, dtls.CIDPathMigrationRRC))
	}
	if psk, given := values["psk"]; given {
		key, err := hex.DecodeString(psk)
		check(err)
		own := dtls.PSK{Identity: []byte(values["identity"]), Key: key}
		all = append(all, dtls.WithPSK(
			func() ([]dtls.PSK, error) { return []dtls.PSK{own}, nil },
			func([][]byte) (*dtls.PSK, error) { return &own, nil },
		))
	}
	if ca, given := values["ca"]; given {
		text, err := os.ReadFile(ca)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		all = append(all, dtls.WithRootCAs(pool), dtls.WithServerName("localhost"))
	}
	if cert, given := values["cert"]; given {
		pair, err := tls.LoadX509KeyPair(cert, values["key"])
		check(err)
		all = append(all, dtls.WithCertificates(pair))
	}
	return all
}

func runClient(address *net.UDPAddr, values map[string]string) {
	var all []dtls.ClientOption
	for _, option := range options(values) {
		all = append(all, option)
	}
	conn, err := dtls.Dial("udp", address, all...)
	check(err)
	handshake(conn)
	// Its Read answers challenges as well, so that it is always under way.
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, err := conn.Read(buffer)
			check(err)
			fmt.Print("received ", string(buffer[:n]))
		}
	}()
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		_, err = conn.Write([]byte(line))
		check(err)
	}
}

func runServer(address *net.UDPAddr, values map[string]string) {
	var all []dtls.ServerOption
	for _, option := range options(values) {
		all = append(all, option)
	}
	listener, err := dtls.ListenAddr("udp", address, all...)
	check(err)
	fmt.Println("listening")
	accepted, err := listener.Accept()
	check(err)
	conn := accepted.(*dtls.Conn)
	handshake(conn)
	buffer := make([]byte, 2048)
	for {
		n, err := conn.Read(buffer)
		check(err)
		_, err = conn.Write(buffer[:n])
		check(err)
	}
}

func handshake(conn *dtls.Conn) {
	limit, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	check(conn.HandshakeContext(limit))
	fmt.Println("connected")
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
