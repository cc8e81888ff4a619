"""
The front door: what stands between strangers' sockets and the threads that do the work.

Granian, or another ASGI server, hands it every request. It reads the body here, in the event loop, where a
slow one holds no thread, and gives the request a place of its kind: `config.front.kinds`. Nobody's places
are another kind's, so whatever staff or strangers do, a scan and a probe find a thread.
"""
