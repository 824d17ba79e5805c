# An HTTP server that misbehaves by the first part of the path: tests/bad_server.py PORT_FILE
# It writes its port to PORT_FILE. GOOD_SIZE is the size that the client expects.
import http.server
import os
import sys
import time

SIZE = int(os.environ["GOOD_SIZE"])


class Bad(http.server.BaseHTTPRequestHandler):
    def start(self, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def do_GET(self):
        way = self.path.split("/")[1]
        if way == "lie" or way == "objects":
            self.start(SIZE)
            self.wfile.write(b"x" * SIZE)
        elif way == "short":
            self.start(SIZE // 2)
            self.wfile.write(b"x" * (SIZE // 2))
        elif way == "long":
            self.start(SIZE + 1)
            self.wfile.write(b"x" * (SIZE + 1))
        elif way == "truncate":
            self.start(SIZE)
            self.wfile.write(b"x" * (SIZE // 2))
        elif way == "stall":
            self.start(SIZE)
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(120)
        elif way == "loop":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_error(500)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bad)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
