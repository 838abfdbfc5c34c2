module stigmer/handshakejson

go 1.21
