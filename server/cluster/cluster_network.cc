#include "server/cluster/cluster_network.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/log_rate.h"
#include "server/cluster/node_frames.h"
#include "server/cluster/node_probe.h"
#include "server/cluster/node_wire.h"
#include "server/kafka/frame_reader.h"
#include "server/net/connection.h"
#include "server/net/connector.h"
#include "server/net/listener.h"

namespace server {

namespace {

// Size limit of a frame: the largest batch that clients can send, and the other fields of the
// message.
constexpr size_t kMaxNodeFrame = size_t{128} << 20;
// Limit for the bytes that a peer may send before its greeting is accepted.
constexpr size_t kMaxGreeting = 4 << 10;
// Time to send the reason for a refusal before the connection is closed.
constexpr int64_t kLastWordsMs = 1'000;
constexpr int64_t kRefusedPauseUs = 200'000;
constexpr unsigned int kUnacknowledgedMs = 2'000;

}  // namespace

struct ClusterNetwork::Impl : std::enable_shared_from_this<ClusterNetwork::Impl> {
  Impl(Loop& on, ClusterNetworkOptions with, const Clock& time, Handler& to)
      : loop(on), options(std::move(with)), clock(time), handler(to) {}

  // --- Accepted connections

  struct Guest final : ConnectionHandler {
    Guest(Impl& its_network, Socket socket)
        : network(its_network),
          since_us(network.clock.monotonic_us()),
          connection(network.loop, std::move(socket), *this) {
      if (network.certificates)
        tls = std::make_unique<NodeTls>(*network.certificates, NodeTls::Side::Accepts);
    }

    void on_input(std::string_view bytes) override {
      if (is_over) return;
      if (std::exchange(is_first, false) && NodeTls::is_begun_by(bytes) != (tls != nullptr)) {
        const bool wants_tls = tls != nullptr;
        tls.reset();  // the refusal is sent as plain text
        return refuse(wants_tls ? "the nodes of this cluster use TLS for their connections"
                                : "this node has no certificate, and does not use TLS for "
                                  "connections to other nodes");
      }
      if (!tls) return read(bytes);
      const auto plain = tls->receive(bytes);
      connection.write(tls->take_encrypted());
      if (plain) return read(*plain);
      refuse(plain.error().message);
    }
    void write(const std::string& bytes) {
      if (!tls) return connection.write(bytes);
      tls->say(bytes);
      connection.write(tls->take_encrypted());
    }

    std::span<char> input_room() override { return tls ? std::span<char>() : frames.room(); }

    void read(std::string_view bytes) {
      frames.receive(bytes);
      while (!is_over) {
        const auto frame = frames.next();
        if (!frame) return refuse(frame.error().message);
        if (!*frame) break;
        if (!from) {
          greet((*frame)->bytes);
          continue;
        }
        if (is_hello((*frame)->bytes)) {
          write(encode_hello_answer(answer));
          if (!std::exchange(is_heard, true)) network.handler.on_connected(*from);
          continue;
        }
        auto message = decode_message((*frame)->bytes, (*frame)->keeper);
        if (!message) return refuse(message.error().message);
        if (*message) network.handler.on_message(*from, *std::move(*message));
      }
      frames.tidy();
      if (!from && frames.buffered_bytes() > kMaxGreeting) refuse("the greeting is too long");
    }
    void on_drained() override {}
    void on_closed() override { network.forget(this); }

    enum class Report { ToPeer, ToPeerAndLog };
    void greet(std::string_view frame) {
      const auto hello = decode_hello(frame);
      if (!hello) return refuse(hello.error().message);
      if (hello->cluster_id != network.options.cluster_id)
        return refuse(fmt::format("this node belongs to cluster \"{}\", not to \"{}\"",
                                  network.options.cluster_id, hello->cluster_id));
      if (hello->to != network.options.self)
        return refuse(fmt::format("this is node {}, not node {}", network.options.self.value(),
                                  hello->to.value()));
      answer.process = network.process;
      if (hello->from == network.options.self)
        return refuse(fmt::format("node {} is already running here", hello->from.value()),
                      Report::ToPeer);
      if (!network.known) {
        answer.is_reading = true;
        return refuse("the node does not know the members of the cluster yet", Report::ToPeer);
      }
      if (!network.known->contains(hello->from))
        return refuse(fmt::format("node {} is not a member of the cluster", hello->from.value()));
      if (hello->knows < network.level)
        return refuse(fmt::format(
            "the cluster is at feature level {}, but node {} runs a program that supports levels "
            "up to {}",
            network.level.value(), hello->from.value(), hello->knows.value()));
      from = hello->from;
      frames.trust();
      write(encode_hello_answer(answer));
    }
    void refuse(const std::string& why, Report report = Report::ToPeerAndLog) {
      if (std::exchange(is_over, true)) return;
      if (report == Report::ToPeerAndLog && network.refusals.allows(network.clock.monotonic_us()))
        log_warn(
            "a connection to the port for nodes was rejected peer={} error=\"{}\" "
            "not_shown={}",
            connection.peer(), why, network.refusals.take_suppressed());
      answer.refusal = why;
      if (!from) write(encode_hello_answer(answer));
      connection.close_when_sent(kLastWordsMs);
    }

    Impl& network;
    const int64_t since_us;
    std::optional<NodeId> from;  // set once the greeting is accepted
    HelloAnswer answer;
    bool is_over = false, is_first = true;
    bool is_heard = false;         // the peer has repeated its greeting, so both directions work
    std::unique_ptr<NodeTls> tls;  // null: plain text
    NodeFrames frames{kMaxNodeFrame};
    Connection connection;
  };

  void accept(Socket socket) {
    size_t greeting = 0;
    for (const auto& guest : guests) greeting += guest->from ? 0 : 1;
    if (greeting >= options.max_greeting) return;  // the socket is closed
    guests.push_back(std::make_unique<Guest>(*this, std::move(socket)));
  }
  void forget(Guest* guest) {
    std::erase_if(guests, [&](const auto& each) { return each.get() == guest; });
  }

  // --- Connections to other nodes

  struct Peer final : ConnectionHandler {
    Peer(Impl& its_network, NodeId its_id, std::string its_endpoint)
        : network(its_network), id(its_id), endpoint(std::move(its_endpoint)) {}

    void tick() {
      const int64_t now_us = network.clock.monotonic_us();
      if (connection && !is_greeted && now_us - since_us > network.options.greeting_ms * 1'000)
        fail("the node does not answer the greeting");
      if (connection && is_greeted) ask(now_us);
      if (connector || connection || now_us < retry_at_us) return;
      const auto address = parse_address(endpoint);
      if (!address) return fail(address.error().message);
      connector = std::make_unique<Connector>(
          network.loop, *address, network.options.connect_ms,
          [this](Result<Socket> socket) { connected(std::move(socket)); });
    }

    // Sends the greeting again and again, to check that the peer still answers. Older programs do
    // not answer a repeated greeting. So the time limit for answers applies only after the peer has
    // answered a repeated greeting once, which sets `answers`.
    void ask(int64_t now_us) {
      if (asked_us == 0) {
        if (now_us - since_us <= network.options.ask_ms * 1'000) return;
        asked_us = since_us = now_us;
        return write(hello());
      }
      // The peer cannot answer a greeting that is still in the send buffer, so the time limit
      // starts when all bytes are sent.
      if (connection->unsent_bytes() > 0) asked_us = now_us;
      if (answers && now_us - asked_us > network.options.answer_ms * 1'000)
        fail("the node does not receive data on the connection");
    }
    std::string hello() const {
      return encode(NodeHello{network.options.cluster_id, network.options.self, id});
    }

    void connected(Result<Socket> socket) {
      const bool was_refused = connector->was_refused();
      connector.reset();
      if (!socket) {
        // Only a refused connection proves that the process has ended. A machine that is overloaded
        // or cut off does not answer, but its process may still lead partitions and count for the
        // majority. In that case the node is considered down when its session times out.
        if (was_refused && std::exchange(was_there, false)) network.handler.on_gone(id);
        return fail(socket.error().message);
      }
      since_us = network.clock.monotonic_us();
      // A machine that disappears sends no reset, and TCP would retransmit for minutes, even after the machine is back.
      // With this option the connection ends earlier.
      const unsigned int timeout_ms = kUnacknowledgedMs;
      setsockopt(socket->fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
      connection = std::make_unique<Connection>(network.loop, *std::move(socket), *this);
      tls.reset();
      if (network.certificates)
        tls = std::make_unique<NodeTls>(*network.certificates, NodeTls::Side::Connects);
      write(hello());
    }
    void write(std::string bytes) {
      if (!tls) return connection->write(std::move(bytes));
      tls->say(bytes);
      connection->write(tls->take_encrypted());
    }

    void on_input(std::string_view bytes) override {
      // A peer that answers in plain text refuses TLS. The reason of the refusal is then read without TLS.
      if (tls && !is_greeted && bytes.front() == '\0') tls.reset();
      if (!tls) return read(bytes);
      const auto plain = tls->receive(bytes);
      connection->write(tls->take_encrypted());
      if (!plain) return fail(plain.error().message);
      read(*plain);
    }
    // Only answers to greetings arrive on this connection.
    void read(std::string_view bytes) {
      frames->receive(bytes);
      while (connection) {
        const auto frame = frames->next();
        if (!frame) return fail(frame.error().message);
        if (!*frame) return frames->tidy();
        answered(**frame);
      }
    }
    void answered(std::string_view frame) {
      const auto answer = decode_hello_answer(frame);
      if (!answer) return fail(answer.error().message);
      if (answer->is_reading)  // happens briefly while the peer starts
        return fail("refused: " + answer->refusal.value_or(""), LogLevel::Info);
      if (answer->refusal) {
        fail("refused: " + *answer->refusal);
        // In most cases an operator has to remove the cause of a refusal, so the next attempt may wait longer.
        retry_at_us = network.clock.monotonic_us() + kRefusedPauseUs;
        return;
      }
      if (std::exchange(is_greeted, true)) {
        answers = true;
        asked_us = 0;
        return;
      }
      asked_us = since_us = network.clock.monotonic_us();
      // A repeated greeting shows the peer that this connection works in both directions. The peer
      // then sends its unanswered questions again.
      write(hello());
      log_info("connected to a node node={} endpoint={}", id.value(), endpoint);
      trouble.clear();
      was_there = true;
      network.handler.on_connected(id);
    }
    void on_drained() override {}
    void on_closed() override {
      // Reconnects immediately: if the process has died but its machine is up, the machine refuses
      // the connection. The refusal proves that the process has ended.
      fail("the connection has ended");
      if (was_there) retry_at_us = 0;
    }

    void fail(const std::string& why, LogLevel level = LogLevel::Warn) {
      connection.reset();
      is_greeted = answers = false;
      asked_us = 0;
      frames.emplace(kMaxGreeting);
      retry_at_us = network.clock.monotonic_us() + network.options.retry_ms * 1'000;
      if (trouble != why && log_enabled(level))
        log_line(level, fmt::format("no connection to a node node={} endpoint={} error=\"{}\"",
                                    id.value(), endpoint, why));
      trouble = why;
    }

    void send(ClusterMessage message) {
      if (!is_greeted) return;
      const size_t unsent = connection->unsent_bytes();
      if (unsent > 2 * network.options.max_unsent_bytes) return;
      if (auto* fetched = std::get_if<storage::ReplicaFetched>(&message);
          fetched && unsent > network.options.max_unsent_bytes && !fetched->batches.empty()) {
        fetched->batches = {};
        fetched->error = Error{ErrorCode::OutOfMemory, "too many requests to this node are queued"};
      }
      FramePieces pieces = encode_in_pieces(message);
      if (pieces.large.empty()) return write(std::move(pieces.head));
      if (!tls)
        return connection->write(std::move(pieces.head), std::move(pieces.large),
                                 std::move(pieces.tail));
      for (const std::string_view piece :
           {std::string_view(pieces.head), pieces.large.view(), std::string_view(pieces.tail)})
        tls->say(piece);
      connection->write(tls->take_encrypted());
    }

    Impl& network;
    const NodeId id;
    const std::string endpoint;
    std::unique_ptr<Connector> connector;
    std::unique_ptr<Connection> connection;
    std::unique_ptr<NodeTls> tls;  // null: plain text
    std::optional<kafka::FrameReader> frames{kMaxGreeting};
    bool is_greeted = false, was_there = false;
    bool answers = false;  // the peer answers repeated greetings
    int64_t since_us = 0, retry_at_us = 0;
    int64_t asked_us = 0;  // 0: no greeting is unanswered
    std::string trouble;
  };

  void set_nodes(const std::map<NodeId, std::string>& endpoints) {
    known.emplace();
    for (const auto& [id, endpoint] : endpoints) known->insert(id);
    for (const auto& guest : guests)
      if (guest->from && !known->contains(*guest->from))
        guest->refuse("the node was removed from the cluster");
    std::erase_if(peers, [&](const auto& each) {
      const auto place = endpoints.find(each.first);
      return place == endpoints.end() || place->second != each.second->endpoint;
    });
    for (const auto& [id, endpoint] : endpoints)
      if (id != options.self && !peers.contains(id))
        peers.emplace(id, std::make_unique<Peer>(*this, id, endpoint));
  }

  void tick() {
    for (const auto& [id, peer] : peers) peer->tick();
    const int64_t now_us = clock.monotonic_us();
    for (const auto& guest : guests)
      if (!guest->from && !guest->is_over && now_us - guest->since_us > options.greeting_ms * 1'000)
        guest->refuse("the node does not identify itself");
  }

  Loop& loop;
  const ClusterNetworkOptions options;
  const Clock& clock;
  Handler& handler;
  std::unique_ptr<NodeCertificates> certificates;  // null: plain text
  const Uuid process = Uuid::random();
  std::optional<std::set<NodeId>> known;  // none until set_nodes() is called
  storage::FeatureLevel level = storage::kFirstLevel;
  std::map<NodeId, std::unique_ptr<Peer>> peers;
  std::vector<std::unique_ptr<Guest>> guests;
  std::unique_ptr<NodeProbe> probe;
  LogRate refusals{1};
  Address address;
  std::unique_ptr<Listener> listener;
};

Result<std::unique_ptr<ClusterNetwork>> ClusterNetwork::open(Loop& loop,
                                                             ClusterNetworkOptions options,
                                                             const Clock& clock, Handler& handler) {
  auto impl = std::make_shared<Impl>(loop, std::move(options), clock, handler);
  if (impl->options.tls) impl->certificates = TRY(NodeCertificates::open(*impl->options.tls));
  impl->listener =
      TRY(Listener::open(loop, impl->options.listen,
                         [raw = impl.get()](Socket socket) { raw->accept(std::move(socket)); }));
  impl->address = impl->listener->address();
  return std::unique_ptr<ClusterNetwork>(new ClusterNetwork(std::move(impl)));
}

ClusterNetwork::~ClusterNetwork() {
  impl_->probe.reset();
  impl_->listener.reset();
  impl_->guests.clear();
  impl_->peers.clear();
}

const Address& ClusterNetwork::address() const { return impl_->address; }

void ClusterNetwork::set_nodes(const std::map<NodeId, std::string>& endpoints) {
  impl_->set_nodes(endpoints);
}

void ClusterNetwork::require(storage::FeatureLevel level) { impl_->level = level; }

void ClusterNetwork::find_other(const Address& address, std::function<void(bool)> done) {
  Impl& impl = *impl_;
  const NodeProbe::Patience patience{impl.options.connect_ms, impl.options.connect_ms};
  impl.probe = std::make_unique<NodeProbe>(
      impl.loop, address, NodeHello{impl.options.cluster_id, impl.options.self, impl.options.self},
      impl.certificates.get(), patience,
      [&impl, done = std::move(done)](const Result<HelloAnswer>& answer) {
        // The greeting names this node both as its sender and as its receiver. A process of this
        // version that runs as this node refuses it and sends its process id. A process of an older
        // version sends no process id, and accepts the greeting only if it runs as this node. So in
        // both cases the answer comes from a process that runs as this node.
        const bool is_one = answer && (!answer->process.is_nil() || !answer->refusal);
        done(is_one && answer->process != impl.process);
      });
}

void ClusterNetwork::send(NodeId to, ClusterMessage message) {
  if (to == impl_->options.self)
    return impl_->loop.post([weak = std::weak_ptr(impl_), to, message = std::move(message)] {
      if (const auto self = weak.lock()) self->handler.on_message(to, message);
    });
  const auto found = impl_->peers.find(to);
  if (found != impl_->peers.end()) found->second->send(std::move(message));
}

// Returns true while the unsent bytes are at most a fraction of the limits in send(), so that all
// messages of one loop iteration still fit.
bool ClusterNetwork::has_room(NodeId to) const {
  constexpr size_t kShare = 4;
  const auto found = impl_->peers.find(to);
  return found == impl_->peers.end() || !found->second->is_greeted ||
         found->second->connection->unsent_bytes() <= impl_->options.max_unsent_bytes / kShare;
}

void ClusterNetwork::tick() { impl_->tick(); }

std::set<NodeId> ClusterNetwork::connected() const {
  std::set<NodeId> nodes;
  for (const auto& [id, peer] : impl_->peers)
    if (peer->is_greeted) nodes.insert(id);
  return nodes;
}

}  // namespace server
