module bench/tableflip

go 1.14

require github.com/cloudflare/tableflip v1.2.3
