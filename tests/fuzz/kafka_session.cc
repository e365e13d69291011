// Fuzz target: all bytes of one client's connection, through frames, headers and handlers to a log in memory. For any
// earlier bytes, a request is answered unless the connection was ended; answers are whole frames; and the contents of
// the log are sound. The size of the input selects the user: all rights for everyone, a user with few rights, or one
// with all.
#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/log.h"
#include "records/batch.h"
#include "server/kafka/messages/api_versions_request.h"
#include "server/kafka/messages/sasl_authenticate_request.h"
#include "server/kafka/messages/sasl_handshake_request.h"
#include "server/kafka/session.h"
#include "tests/server/kafka/users_backend.h"

using namespace server::kafka;

namespace {

constexpr int32_t kMaxPartitions = 8;
constexpr size_t kMaxTopics = 8;
constexpr int32_t kLastId = 0x6d696c6c;

// Creating partitions takes far longer than the code under test, so there are only a few.
class SmallBackend final : public UsersBackend {
 public:
  void create_topic(std::string name, int32_t partition_count, TopicConfig config,
                    Replication replication,
                    std::function<void(Result<storage::TopicInfo>)> done) override {
    if (partition_count > kMaxPartitions || topics()->by_name().size() >= kMaxTopics)
      return done(Error{ErrorCode::InvalidParameter, "too many for a test"});
    MemoryBackend::create_topic(std::move(name), partition_count, std::move(config),
                                std::move(replication), std::move(done));
  }
  void grow_topic(std::string name, int32_t partition_count,
                  std::vector<std::vector<NodeId>> assigned,
                  std::function<void(Status)> done) override {
    if (partition_count > kMaxPartitions)
      return done(Error{ErrorCode::InvalidParameter, "too many for a test"});
    MemoryBackend::grow_topic(std::move(name), partition_count, std::move(assigned),
                              std::move(done));
  }
};

// The users of the connection, in addition to the anonymous one.
constexpr const char *kFewRights = "few", *kAllRights = "all", *kPassword = "password";

const char* user_of(size_t size) {
  constexpr size_t kEvery = 8;
  if (size % kEvery < kEvery / 2) return nullptr;
  return size % kEvery < kEvery * 3 / 4 ? kFewRights : kAllRights;
}

void make_users(UsersBackend& backend) {
  static const auto verifiers = verifiers_of(kPassword, 1);
  backend.apply({storage::PutRole{kFewRights, {.may_login = true, .verifiers = verifiers}},
                 storage::PutRole{
                     kAllRights, {.may_login = true, .is_superuser = true, .verifiers = verifiers}},
                 storage::SetRights{"t", kFewRights, storage::kMaySelect | storage::kMayInsert}});
}

// Returns the path of the file of access rules for all inputs. Each process has a directory of its
// own.
std::string rules_file() {
  static const std::string path = [] {
    std::string made = "/tmp/millrace-fuzz-rules-XXXXXX";
    const int file = mkstemp(made.data());
    assert(file >= 0);
    std::ofstream(made) << "host all all all scram-sha-256\n";
    return made;
  }();
  return path;
}

class Client final : private server::SessionHost {
 public:
  Client(Backend& backend, const Clock& clock, const NodeView& node,
         const server::auth::Access* access)
      : fetch_sessions_(memory_, clock, 1, kFetchSessions),
        session_(backend, *this, clock, node, {},
                 {.fetch_sessions = &fetch_sessions_,
                  .client_host = "127.0.0.1",
                  .access = access,
                  .channel = access ? &channel_ : nullptr}) {}

  void show_who_it_is(const std::string& user) {
    std::string bytes;
    SaslHandshakeRequest choose;
    choose.mechanism = "PLAIN";
    append_request(bytes, {.api_version = 1, .correlation_id = 1}, choose);
    SaslAuthenticateRequest show;
    const std::string token = std::string(1, '\0') + user + std::string(1, '\0') + kPassword;
    show.auth_bytes = token;
    append_request(bytes, {.api_version = 0, .correlation_id = 2}, show);
    send(bytes);
    assert(!is_over());
  }

  // Sends the bytes in pieces, as a socket delivers them.
  void send(std::string_view bytes) {
    constexpr size_t kPieceSize = 61;
    while (!bytes.empty() && !session_.is_over()) {
      session_.receive(bytes.substr(0, kPieceSize));
      bytes.remove_prefix(std::min(bytes.size(), kPieceSize));
      run();
    }
  }
  void run() {
    do step();
    while (is_woken_);
  }
  void grown() {
    session_.grown();
    run();
  }
  bool is_over() const { return session_.is_over(); }
  bool is_waiting() const { return !is_over() && session_.deadline_us().has_value(); }
  int32_t last_answered() const { return last_answered_; }

 private:
  void wake() override { is_woken_ = true; }
  void step() {
    is_woken_ = false;
    session_.run();
    received_.receive(session_.take_output());
    while (const auto frame = received_.next().value()) {
      assert(frame->size() >= sizeof(int32_t));
      last_answered_ = load_be<int32_t>(frame->data());
    }
    assert(received_.buffered_bytes() == 0);
  }

  const server::Channel channel_{.peer_host = "127.0.0.1"};
  static constexpr size_t kFetchSessions = 2;
  MemoryBudget memory_{1 << 20};
  FetchSessions fetch_sessions_;
  Session session_;
  FrameReader received_;
  int32_t last_answered_ = 0;
  bool is_woken_ = false;
};

// Returns whether the bytes end at the end of a message.
bool ends_with_a_frame(std::string_view bytes) {
  FrameReader reader;
  reader.receive(bytes);
  auto frame = reader.next();
  while (frame && *frame) frame = reader.next();
  return frame && reader.buffered_bytes() == 0;
}

std::string last_request() {
  std::string bytes;
  append_request(bytes, {.api_version = 0, .correlation_id = kLastId}, ApiVersionsRequest{});
  return bytes;
}

void check_partition(storage::LogReader& reader, const storage::TopicPartition& partition) {
  Offset next = reader.log_start(partition).value();
  const Offset end = reader.readable_end(partition).value();
  while (next < end) {
    const auto batches = reader.read(partition, next, 1 << 20).value();
    for (const storage::BatchRef& stored : batches) {
      const records::BatchView batch =
          records::parse_batch(stored.bytes, records::BatchCheck::ShapeAndCrc).value();
      assert(records::check_records(batch));
      assert(stored.base_offset == next && batch.header.base_offset == next);
      next = stored.last_offset + 1;
    }
  }
  assert(next == end);
}

void check_log(Backend& backend) {
  storage::LogReader& reader = backend.reader();
  const Status begun = reader.begin_turn();
  assert(begun);
  const auto topics = backend.topics();
  for (const auto& [name, topic] : topics->by_name())
    for (int32_t index = 0; index < topic.partition_count; ++index)
      check_partition(reader, {topic.id, PartitionId(index)});
  reader.end_turn();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  set_log_level(LogLevel::Error);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  SmallBackend backend;
  backend.holds_appends = size % 2 == 1;  // answers arrive within the call or later
  SimulatedClock clock;
  const NodeView node{
      .host = "127.0.0.1", .port = 9092, .cluster_id = "fuzz", .internal_topic = ""};
  const Directory directory(backend);
  std::unique_ptr<server::auth::Access> access;
  const char* user = user_of(size);
  if (user != nullptr) {
    make_users(backend);
    access = server::auth::Access::open(rules_file(), directory).value();
  }
  {
    Client client(backend, clock, node, access.get());
    if (user != nullptr) client.show_who_it_is(user);
    client.send(bytes);
    if (ends_with_a_frame(bytes)) client.send(last_request());
    backend.holds_appends = false;
    backend.let_through();
    backend.groups().resign();
    for (size_t round = 0; round == 0 || client.is_waiting(); ++round) {
      assert(round <= size);  // each round ends at least one long poll
      client.grown();
      clock.advance_us(60'000'000);
      client.run();
    }
    assert(client.is_over() || !ends_with_a_frame(bytes) || client.last_answered() == kLastId);
  }
  check_log(backend);
  return 0;
}
