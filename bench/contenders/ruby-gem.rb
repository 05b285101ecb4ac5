# The service on the Ruby gem.
require 'uninterruptible'

class EchoServer
  include Uninterruptible::Server

  def handle_request(client)
    while (line = client.gets)
      client.write("#{line.chomp} #{Process.pid}\n")
    end
  end
end

server = EchoServer.new
server.configure do |config|
  config.bind = "tcp://127.0.0.1:#{ENV.fetch('BENCH_PORT')}"
  config.pidfile_path = ENV.fetch('BENCH_PID_FILE')
  config.start_command = "ruby #{ENV.fetch('BENCH_PROGRAM')}"
  config.log_level = Logger::WARN
end
server.run
