// A DTLS 1.2 client or server of pion, as the matrix wants one: see ../matrix/drivers.js.
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
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v2"
)

// What Debian's package is; pion has no constant that says so.
var version = "v2"

var suites = map[string]dtls.CipherSuiteID{
	"ECDHE-ECDSA-AES128-GCM-SHA256": dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES128-CCM8":       dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8,
	"ECDHE-RSA-AES128-GCM-SHA256":   dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"PSK-AES128-CCM8":               dtls.TLS_PSK_WITH_AES_128_CCM_8,
	"PSK-AES128-CCM":                dtls.TLS_PSK_WITH_AES_128_CCM,
	"PSK-AES128-GCM-SHA256":         dtls.TLS_PSK_WITH_AES_128_GCM_SHA256,
	"ECDHE-PSK-AES128-CBC-SHA256":   dtls.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256,
}

func main() {
	if len(os.Args) < 3 {
		fmt.Println(version)
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

func configure(role string, values map[string]string) *dtls.Config {
	config := &dtls.Config{
		CipherSuites:         []dtls.CipherSuiteID{suites[values["suite"]]},
		ExtendedMasterSecret: dtls.RequireExtendedMasterSecret,
		MTU:                  1200,
		ConnectContextMaker: func() (context.Context, func()) {
			return context.WithTimeout(context.Background(), 100*time.Second)
		},
	}
	if _, given := values["resume"]; given {
		config.SessionStore = sessions{}
	}
	if psk, given := values["psk"]; given {
		key, err := hex.DecodeString(psk)
		check(err)
		config.PSKIdentityHint = []byte(values["identity"])
		config.PSK = func(identity []byte) ([]byte, error) {
			if role == "server" && string(identity) != values["identity"] {
				return nil, fmt.Errorf("unknown identity %q", identity)
			}
			return key, nil
		}
	}
	if ca, given := values["ca"]; given {
		text, err := os.ReadFile(ca)
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		config.RootCAs, config.ClientCAs = pool, pool
		config.ServerName = "localhost"
		if role == "server" {
			config.ClientAuth = dtls.RequireAndVerifyClientCert
		}
	}
	if cert, given := values["cert"]; given {
		pair, err := tls.LoadX509KeyPair(cert, values["key"])
		check(err)
		config.Certificates = []tls.Certificate{pair}
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

func runClient(address *net.UDPAddr, config *dtls.Config) {
	conn, err := dtls.Dial("udp", address, config)
	check(err)
	fmt.Println("connected")
	lines := bufio.NewReader(os.Stdin)
	buffer := make([]byte, 2048)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if line == "again\n" {
			check(conn.Close())
			conn, err = dtls.Dial("udp", address, config)
			check(err)
			fmt.Println("connected again")
			continue
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
	for {
		conn, err := listener.Accept()
		check(err)
		fmt.Println("connected")
		buffer := make([]byte, 2048)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				break
			}
			_, err = conn.Write(buffer[:n])
			check(err)
		}
	}
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
