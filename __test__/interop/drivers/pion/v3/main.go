// A DTLS 1.2 client or server of pion v3 with connection IDs, as the matrix wants one: see ../../../matrix/drivers.js.
package main

import (
	"bufio"
	"context"
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

	"github.com/pion/dtls/v3"
)

var suites = map[string]dtls.CipherSuiteID{
	"ECDHE-ECDSA-AES128-GCM-SHA256": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"PSK-AES128-CCM8":               dtls.TLS_PSK_WITH_AES_128_CCM_8,
	"PSK-AES128-GCM-SHA256":         dtls.TLS_PSK_WITH_AES_128_GCM_SHA256,
	"ECDHE-PSK-AES128-CBC-SHA256":   dtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
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
	config := configure(role, values)
	if role == "client" {
		runClient(address, config)
	} else {
		runServer(address, config)
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/pion/dtls/v3" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "3"
}

func configure(role string, values map[string]string) *dtls.Config {
	config := &dtls.Config{
		CipherSuites:         []dtls.CipherSuiteID{suites[values["suite"]]},
		ExtendedMasterSecret: dtls.RequireExtendedMasterSecret,
	}
	if length, given := values["id"]; given {
		config.ConnectionIDGenerator = dtls.RandomCIDGenerator(number(length))
	}
	if psk, given := values["psk"]; given {
		key, err := hex.DecodeString(psk)
		check(err)
		config.PSKIdentityHint = []byte(values["identity"])
		config.PSK = func([]byte) ([]byte, error) { return key, nil }
	}
	if ca, given := values["ca"]; given {
		text, err := os.ReadFile(ca)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		config.RootCAs = pool
		config.ServerName = "localhost"
	}
	if cert, given := values["cert"]; given {
		pair, err := tls.LoadX509KeyPair(cert, values["key"])
		check(err)
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func runClient(address *net.UDPAddr, config *dtls.Config) {
	conn, err := dtls.Dial("udp", address, config)
	check(err)
	handshake(conn)
	lines := bufio.NewReader(os.Stdin)
	buffer := make([]byte, 2048)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		_, err = conn.Write([]byte(line))
		check(err)
		n, err := conn.Read(buffer)
		check(err)
		fmt.Print("received ", string(buffer[:n]))
	}
}

func runServer(address *net.UDPAddr, config *dtls.Config) {
	listener, err := dtls.Listen("udp", address, config)
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
