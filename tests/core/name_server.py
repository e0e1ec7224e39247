"""A name server on loopback: it says of TXT records what a test tells it, and remembers what it was asked."""

import socketserver
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """`with NameServer() as server`. records: by name in small letters, lists of records, each a list of strings.

    failing: names to which it answers with that code instead (“SERVFAIL”, “REFUSED”), or not at all (None).
    asked: names, as they came. place: for the setting dns_servers.
    """

    def __init__(self):
        self.records, self.failing, self.asked = {}, {}, []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                data, socket = self.request
                answer = outer._answer(dns.message.from_wire(data))
                if answer is not None:
                    socket.sendto(answer.to_wire(), self.client_address)

        self._server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.place = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, question):
        name = question.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        name = name.lower()
        if name in self.failing:
            code = self.failing[name]
            if code is None:
                return None
            answer.set_rcode(dns.rcode.from_text(code))
        elif name not in self.records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif self.records[name]:
            lines = [" ".join(f'"{part}"' for part in record) for record in self.records[name]]
            answer.answer.append(dns.rrset.from_text_list(question.question[0].name, 300, "IN", "TXT", lines))
        return answer
