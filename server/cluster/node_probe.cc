#include "server/cluster/node_probe.h"

#include <utility>

namespace server {

namespace {
constexpr size_t kMaxAnswer = 4 << 10;
}  // namespace

NodeProbe::NodeProbe(Loop& loop, const Address& address, NodeHello hello,
                     const NodeCertificates* certificates, Patience patience, Done done)
    : loop_(loop),
      hello_(std::move(hello)),
      certificates_(certificates),
      patience_(patience),
      done_(std::move(done)),
      connector_(std::make_unique<Connector>(
          loop, address, patience.connect_ms,
          [this](Result<Socket> socket) { connected(std::move(socket)); })),
      frames_(kMaxAnswer),
      timer_(loop, "a node that is asked", [this] {
        end(Error{ErrorCode::NetworkFailure, "the node does not answer the greeting"});
      }) {}

void NodeProbe::connected(Result<Socket> socket) {
  connector_.reset();
  if (!socket) return end(std::move(socket).error());
  timer_.start_once(patience_.answer_ms);
  ConnectionHandler& handler = *this;
  connection_ = std::make_unique<Connection>(loop_, *std::move(socket), handler);
  if (certificates_ == nullptr) return connection_->write(encode(hello_));
  tls_ = std::make_unique<NodeTls>(*certificates_, NodeTls::Side::Connects);
  tls_->say(encode(hello_));
  connection_->write(tls_->take_encrypted());
}

void NodeProbe::end(Result<HelloAnswer> answer) {
  timer_.stop();
  connection_.reset();
  if (const Done done = std::exchange(done_, nullptr)) done(std::move(answer));
}

void NodeProbe::on_input(std::string_view bytes) {
  // A peer that answers in plain text refuses TLS. The reason of the refusal is then read without
  // TLS.
  if (tls_ && bytes.front() == '\0') tls_.reset();
  Status heard;
  if (!tls_) {
    heard = read(bytes);
  } else if (const auto plain = tls_->receive(bytes)) {
    connection_->write(tls_->take_encrypted());
    heard = read(*plain);
  } else {
    heard = plain.error();
  }
  if (!heard) end(std::move(heard).error());
}

// Reads the answer, which is the first complete frame, and ends the probe.
Status NodeProbe::read(std::string_view bytes) {
  frames_.receive(bytes);
  const auto frame = TRY(frames_.next());
  if (!frame) return {};
  end(TRY(decode_hello_answer(*frame)));
  return {};
}

void NodeProbe::on_closed() { end(Error{ErrorCode::NetworkFailure, "the connection has ended"}); }

}  // namespace server
