"""A DTLS 1.2 client or server of python-mbedtls, as the matrix wants one: see ../matrix/drivers.js."""

import socket
import sys

from mbedtls import pk, tls, x509


def main():
    if len(sys.argv) < 3:
        from mbedtls.version import version

        print(version.split()[-1])
        return
    role, port = sys.argv[1], int(sys.argv[2])
    options = dict(argument.split("=", 1) for argument in sys.argv[3:])
    configuration = configure(role, options)
    if role == "client":
        run_client(configuration, port)
    else:
        run_server(configuration, port)


def configure(role, options):
    settings = {"validate_certificates": "ca" in options}
    if "psk" in options:
        key = bytes.fromhex(options["psk"])
        if role == "client":
            settings["pre_shared_key"] = (options["identity"], key)
        else:
            settings["pre_shared_key_store"] = {options["identity"]: key}
    if "ca" in options:
        settings["trust_store"] = tls.TrustStore(certificates(options["ca"]))
    if "cert" in options:
        with open(options["key"]) as file:
            key = pk.RSA.from_PEM(file.read()) if "RSA" in options["suite"] and "ECDSA" not in options["suite"] else None
        if key is None:
            with open(options["key"]) as file:
                key = pk.ECC.from_PEM(file.read())
        settings["certificate_chain"] = (tuple(certificates(options["cert"])), key)
    return tls.DTLSConfiguration(**settings)


def certificates(path):
    with open(path) as file:
        text = file.read()
    end = "-----END CERTIFICATE-----\n"
    return [x509.CRT.from_PEM(part + end) for part in text.split(end)[:-1]]


def run_client(configuration, port):
    end = tls.ClientContext(configuration).wrap_socket(
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM), server_hostname="localhost"
    )
    end.connect(("127.0.0.1", port))
    end.do_handshake()
    print("connected", flush=True)
    for line in sys.stdin:
        end.send(line.encode())
        print("received", end.recv(1500).decode(), end="", flush=True)


def run_server(configuration, port):
    listener = tls.ServerContext(configuration).wrap_socket(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    # accept() binds a second socket to the same address.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    print("listening", flush=True)
    end, address = listener.accept()
    end.setcookieparam(address[0].encode())
    try:
        end.do_handshake()
    except tls.HelloVerifyRequest:
        end, address = end.accept()
        end.setcookieparam(address[0].encode())
        end.do_handshake()
    while True:
        end.send(end.recv(1500))


main()
