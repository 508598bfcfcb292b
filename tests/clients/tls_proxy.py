"""Plays a server on the internet: takes CONNECT for any host, speaks TLS, and hands the plain bytes to a server here.

    tls_proxy.py CERTIFICATE KEY PORT

Listens on loopback, and prints its own port.
"""

import socket
import ssl
import sys
import threading


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, tls, port):
    request = b""
    while b"\r\n\r\n" not in request:
        if not (data := client.recv(4096)):
            return
        request += data
    if not request.startswith(b"CONNECT "):
        client.sendall(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
        return
    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    inner = tls.wrap_socket(client, server_side=True)
    server = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pump, args=(server, inner), daemon=True).start()
    pump(inner, server)


certificate, key, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(certificate, key)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client, tls, port), daemon=True).start()
