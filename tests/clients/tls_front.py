"""Speaks TLS, and hands the plain bytes to a server on this machine.

    tls_front.py CERTIFICATE KEY PORT

Listens on loopback, and prints its own port. A client may connect to it directly, or use it as a proxy: it then plays
any server on the internet that the client asks for with CONNECT.
"""

import socket
import ssl
import sys
import threading

TLS_HANDSHAKE = b"\x16"


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


def accept_connect(client):
    request = b""
    while b"\r\n\r\n" not in request:
        if not (data := client.recv(4096)):
            return False
        request += data
    if not request.startswith(b"CONNECT "):
        client.sendall(b"HTTP/1.1 400 This is TLS\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return False
    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    return True


def serve(client, tls, port):
    try:
        direct = client.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE
        if not direct and not accept_connect(client):
            client.close()
            return
        inner = tls.wrap_socket(client, server_side=True)
    except OSError:  # Somebody who does not trust the certificate, or has gone.
        client.close()
        return
    server = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pump, args=(server, inner), daemon=True).start()
    pump(inner, server)


certificate, key, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(certificate, key)
listener = socket.create_server(("127.0.0.1", 0), backlog=128)
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client, tls, port), daemon=True).start()
