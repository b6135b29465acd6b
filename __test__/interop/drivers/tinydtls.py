"""A DTLS 1.2 client or server of tinydtls, as the matrix wants one: see ../matrix/drivers.js."""

import socket
import sys

from DTLSSocket import dtls

CONNECTED = 0x1DE
HOST = "::ffff:127.0.0.1"


def main():
    if len(sys.argv) < 3:
        from importlib.metadata import version

        print(version("DTLSSocket"))
        return
    role, port = sys.argv[1], int(sys.argv[2])
    options = dict(argument.split("=", 1) for argument in sys.argv[3:])
    end = End(options["identity"].encode(), bytes.fromhex(options["psk"]))
    if role == "client":
        run_client(end, port)
    else:
        run_server(end, port)


class End:
    """A tinydtls context and the UDP socket that it speaks through."""

    def __init__(self, identity, key):
        self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.udp.settimeout(30)
        self.connected = False
        self.received = []
        self.context = dtls.DTLS(
            read=self._read, write=self._write, event=self._event, pskId=identity, pskStore={identity: key}
        )

    def _read(self, address, data):
        self.received.append((address, bytes(data)))
        return len(data)

    def _write(self, address, data):
        return self.udp.sendto(data, address)

    def _event(self, level, code):
        self.connected = self.connected or code == CONNECTED

    def step(self):
        """Hands over the next datagram."""
        data, peer = self.udp.recvfrom(2048)
        self.context.handleMessageAddr(peer[0], peer[1], data)
        return peer

    def receive(self):
        """The next message, and who has sent it."""
        while not self.received:
            peer = self.step()
        return self.received.pop(0)[1], peer


def run_client(end, port):
    session = end.context.connect(HOST, port, 0, 0)
    while not end.connected:
        end.step()
    print("connected", flush=True)
    for line in sys.stdin:
        end.context.write(session, line.encode())
        print("received", end.receive()[0].decode(), end="", flush=True)


def run_server(end, port):
    end.udp.bind((HOST, port))
    print("listening", flush=True)
    while True:
        data, peer = end.receive()
        end.context.write(dtls.Session(peer[0], peer[1], 0, 0), data)


main()
