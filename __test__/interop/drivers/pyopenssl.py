"""A DTLS 1.2 client or server of pyOpenSSL, as the matrix wants one: see ../matrix/drivers.js.

pyOpenSSL's own sockets are streams: the datagrams are carried by hand.
"""

import socket
import sys
import time

from OpenSSL import SSL

MTU = 1200


def main():
    if len(sys.argv) < 3:
        print(SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode().split()[1])
        return
    role, port = sys.argv[1], int(sys.argv[2])
    options = dict(argument.split("=", 1) for argument in sys.argv[3:])
    context = configure(role, options)
    if role == "client":
        run_client(context, port)
    else:
        run_server(context, port)


def configure(role, options):
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD if role == "client" else SSL.DTLS_SERVER_METHOD)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_cipher_list(options["suite"].encode() + b"@SECLEVEL=0")
    if "cert" in options:
        context.use_certificate_chain_file(options["cert"])
        context.use_privatekey_file(options["key"])
    if "ca" in options:
        context.load_verify_locations(options["ca"])
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    if role == "server":
        context.set_session_id(b"matrix")
        context.set_cookie_generate_callback(lambda _: b"a cookie")
        context.set_cookie_verify_callback(lambda _, cookie: cookie == b"a cookie")
    return context


class End:
    """A connection and the UDP socket that it speaks through."""

    def __init__(self, context, udp):
        self.udp = udp
        self.connection = SSL.Connection(context)
        self.connection.set_ciphertext_mtu(MTU)

    def flush(self):
        """Sends what is to be sent, as whole records: a flight leaves OpenSSL as one run of bytes."""
        try:
            out = self.connection.bio_read(65536)
        except SSL.WantReadError:
            return
        while out:
            length = 13 + int.from_bytes(out[11:13], "big")
            self.udp.send(out[:length])
            out = out[length:]

    def until(self, step):
        """Repeats a step of the connection's, with datagrams and timers between, until it is through."""
        deadline = time.monotonic() + 100
        while True:
            try:
                result = step()
                self.flush()
                return result
            except SSL.WantReadError:
                self.flush()
            self.udp.settimeout(self.connection.DTLSv1_get_timeout() or 1)
            try:
                self.connection.bio_write(self.udp.recv(65536))
            except socket.timeout:
                self.connection.DTLSv1_handle_timeout()
                self.flush()
            if time.monotonic() > deadline:
                sys.exit("nothing was heard for too long")


def run_client(context, port):
    def open_client(session):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.connect(("127.0.0.1", port))
        end = End(context, udp)
        end.connection.set_connect_state()
        end.connection.set_tlsext_host_name(b"localhost")
        if session is not None:
            end.connection.set_session(session)
        end.until(end.connection.do_handshake)
        return end

    end = open_client(None)
    print("connected", flush=True)
    for line in sys.stdin:
        if line == "again\n":
            session = end.connection.get_session()
            end.connection.shutdown()
            end.flush()
            end = open_client(session)
            print("connected again", flush=True)
            continue
        end.until(lambda: end.connection.send(line.encode()))
        print("received", end.until(lambda: end.connection.recv(1500)).decode(), end="", flush=True)


def run_server(context, port):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))
    print("listening", flush=True)
    datagram, peer = udp.recvfrom(65536)
    udp.connect(peer)
    end = End(context, udp)
    end.connection.set_accept_state()
    end.connection.bio_write(datagram)
    end.until(end.connection.DTLSv1_listen)
    end.until(end.connection.do_handshake)
    print("connected", flush=True)
    while True:
        data = end.until(lambda: end.connection.recv(1500))
        end.until(lambda: end.connection.send(data))


main()
