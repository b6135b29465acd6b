// Package peer is what the drivers of pion's versions share: a DTLS client or server as the matrix wants one, see
// ../../../matrix/drivers.js. A version adds how it is configured.
package peer

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
)

// Patience is how long a handshake may take.
const Patience = 100 * time.Second

// Given is what the arguments of the program say.
type Given struct {
	IsServer bool
	Suite    string
	// Of a pre-shared key.
	Identity string
	Key      []byte
	// Nil where the peer is not verified.
	Authorities  *x509.CertPool
	Certificates []tls.Certificate
	Resumes      bool
	// Bytes of the connection ID that it asks for; 0 for no IDs.
	IDLength int
	// Whether it speaks DTLS 1.3, and no other version.
	IsNewer bool
	// The only one for the key exchange; empty for all.
	Group string
	// Whether a server replaces its keys after its first answer.
	Updates bool
}

// Library is one version of pion.
type Library struct {
	Module string
	Dial   func(address *net.UDPAddr, given Given) (net.Conn, error)
	Listen func(address *net.UDPAddr, given Given) (net.Listener, error)
	// Update replaces the keys of a connection of DTLS 1.3, and has the peer do so; nil where the version has none.
	Update func(conn net.Conn) error
}

// Run does what the arguments of the program say.
func Run(library Library) {
	if len(os.Args) < 3 {
		fmt.Println(version(library.Module))
		return
	}
	address := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: number(os.Args[2])}
	given := parse(os.Args[1] == "server", os.Args[3:])
	if given.IsServer {
		serve(library, address, given)
	} else {
		ask(library, address, given)
	}
}

// Check ends the program when something has failed.
func Check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return "unknown"
}

func parse(isServer bool, arguments []string) Given {
	given := Given{IsServer: isServer}
	values := map[string]string{}
	for _, argument := range arguments {
		name, value, _ := strings.Cut(argument, "=")
		values[name] = value
	}
	given.Suite, given.Identity = values["suite"], values["identity"]
	given.IsNewer, given.Group = values["version"] == "DTLSv1.3", values["group"]
	_, given.Updates = values["updates"]
	_, given.Resumes = values["resume"]
	if length, isGiven := values["id"]; isGiven {
		given.IDLength = number(length)
	}
	if psk, isGiven := values["psk"]; isGiven {
		key, err := hex.DecodeString(psk)
		Check(err)
		given.Key = key
	}
	if ca, isGiven := values["ca"]; isGiven {
		text, err := os.ReadFile(ca)
		Check(err)
		given.Authorities = x509.NewCertPool()
		given.Authorities.AppendCertsFromPEM(text)
	}
	if cert, isGiven := values["cert"]; isGiven {
		pair, err := tls.LoadX509KeyPair(cert, values["key"])
		Check(err)
		given.Certificates = []tls.Certificate{pair}
	}
	return given
}

func ask(library Library, address *net.UDPAddr, given Given) {
	open := func() net.Conn {
		conn, err := library.Dial(address, given)
		Check(err)
		handshake(conn)
		// Version 4 answers challenges while it reads, so that a Read is always under way.
		go hear(conn)
		return conn
	}
	conn := open()
	fmt.Println("connected")
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if line == "again\n" {
			Check(conn.Close())
			conn = open()
			fmt.Println("connected again")
			continue
		}
		if line == "update\n" {
			Check(library.Update(conn))
			fmt.Println("updating")
			continue
		}
		_, err = conn.Write([]byte(line))
		Check(err)
	}
}

func hear(conn net.Conn) {
	buffer := make([]byte, 2048)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		fmt.Print("received ", string(buffer[:n]))
	}
}

func serve(library Library, address *net.UDPAddr, given Given) {
	listener, err := library.Listen(address, given)
	Check(err)
	fmt.Println("listening")
	for {
		conn, err := listener.Accept()
		Check(err)
		handshake(conn)
		fmt.Println("connected")
		buffer := make([]byte, 2048)
		for count := 0; ; count++ {
			n, err := conn.Read(buffer)
			if err != nil {
				break
			}
			_, err = conn.Write(buffer[:n])
			Check(err)
			if given.Updates && count == 0 {
				// It is over when the peer has acknowledged it, which the next Read sees.
				go func() { Check(library.Update(conn)) }()
			}
		}
	}
}

// From version 3 on, Dial and Accept leave the handshake to the caller.
func handshake(conn net.Conn) {
	if conn, isOpen := conn.(interface{ HandshakeContext(context.Context) error }); isOpen {
		limit, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		Check(conn.HandshakeContext(limit))
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	Check(err)
	return value
}
