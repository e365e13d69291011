#include "server/kafka_client/kafka_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace server::kafka_client {

namespace {

constexpr int64_t kUsPerMs = 1'000;
// The least time for a connection to one broker. Without it, a broker that accepts connections and does not answer
// would use up the time for the other brokers.
constexpr int64_t kLeastPatienceMs = 1'000;

// Returns whether the client was refused, so that another broker would refuse it for the same
// reason. Further attempts could lock the user out.
bool is_refused(const Error& error) {
  return error.code == ErrorCode::InvalidPassword || error.code == ErrorCode::InvalidAuthorization;
}

}  // namespace

struct KafkaClient::Search {
  std::vector<Address> candidates;
  size_t next = 0;
  int64_t deadline_us;
  Found found;
  std::optional<Error> last;
};

std::shared_ptr<KafkaClient> KafkaClient::make(Loop& loop, const Clock& clock,
                                               ClientSettings settings, Random random) {
  return std::shared_ptr<KafkaClient>(new KafkaClient(loop, clock, std::move(settings), random));
}

KafkaClient::KafkaClient(Loop& loop, const Clock& clock, ClientSettings settings, Random random)
    : loop_(loop), clock_(clock), settings_(std::move(settings)), random_(random) {}

void KafkaClient::close(const Error& reason) {
  if (closed_) return;
  closed_ = reason;
  const auto self = shared_from_this();  // a callback may release the last owner
  for (auto& [place, slot] : slots_)
    if (slot.connection) slot.connection->close(reason);
  for (const auto& connection : retired_) connection->close(reason);
  loop_.post([self] {
    self->slots_.clear();
    self->retired_.clear();
  });
}

int64_t KafkaClient::left_ms(int64_t deadline_us) const {
  const int64_t left = (deadline_us - clock_.monotonic_us()) / kUsPerMs;
  return std::clamp<int64_t>(left, 1, settings_.request_timeout_ms);
}

void KafkaClient::ask_metadata(std::optional<std::vector<std::string>> topics, int64_t deadline_us,
                               Done<kafka::MetadataResponse> done) {
  kafka::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  if (topics) {
    request.topics.emplace();
    for (std::string& name : *topics) request.topics->emplace_back().name = std::move(name);
  }
  // The leader epochs exist from version 7 on. Kafka 2.5, the oldest supported broker, has version 9.
  constexpr VersionRange kVersions{7, kafka::MetadataRequest::kMaxVersion};
  find_any(deadline_us,
           retried<kafka::MetadataRequest, kafka::MetadataResponse>(
               std::move(request), kVersions, deadline_us,
               [self = shared_from_this(),
                done = std::move(done)](Result<kafka::MetadataResponse> answer) {
                 if (answer) {
                   self->brokers_.clear();
                   for (const auto& each : answer->brokers)
                     self->brokers_[each.node_id] = {each.host, static_cast<uint16_t>(each.port)};
                 }
                 done(std::move(answer));
               },
               true, std::nullopt));
}

// Returns the known brokers in random order, and then the bootstrap list, which is used again when all known brokers
// have failed (KIP-1102).
std::vector<Address> KafkaClient::candidates() {
  std::vector<Address> all;
  for (const auto& [id, address] : brokers_) all.push_back(address);
  for (size_t left = all.size(); left > 1; --left)
    std::swap(all[left - 1], all[random_.next() % left]);
  for (const Address& address : settings_.bootstrap)
    if (std::ranges::find(all, address) == all.end()) all.push_back(address);
  return all;
}

void KafkaClient::find_any(int64_t deadline_us, Found found) {
  if (closed_) return found(*closed_);
  for (auto& [place, slot] : slots_)
    if (slot.connection && slot.connection->is_open() && !slot.connection->must_be_renewed())
      return found(slot.connection.get());
  try_next(std::make_shared<Search>(Search{candidates(), 0, deadline_us, std::move(found), {}}));
}

void KafkaClient::try_next(const std::shared_ptr<Search>& search) {
  const size_t left = search->candidates.size() - search->next;
  const int64_t left_ms = (search->deadline_us - clock_.monotonic_us()) / kUsPerMs;
  if (left == 0 || (search->last && left_ms <= 0) || (search->last && is_refused(*search->last))) {
    Error error = *search->last;
    if (search->candidates.size() > 1 && error.code == ErrorCode::NetworkFailure) {
      std::string all;
      for (const Address& each : search->candidates)
        all += (all.empty() ? "" : ", ") + each.to_string();
      error.message =
          fmt::format("no broker of {} can be used; the last error: {}", all, error.message);
    }
    return search->found(std::move(error));
  }
  const Address address = search->candidates[search->next++];
  const int64_t share = std::max(kLeastPatienceMs, left_ms / static_cast<int64_t>(left));
  open(address, share, [self = shared_from_this(), search](Result<BrokerConnection*> opened) {
    if (opened) return search->found(*opened);
    search->last = std::move(opened).error();
    self->try_next(search);
  });
}

void KafkaClient::find_broker(int32_t broker, int64_t deadline_us, Found found) {
  if (closed_) return found(*closed_);
  const auto known = brokers_.find(broker);
  if (known == brokers_.end())
    return found(Error{ErrorCode::NetworkFailure,
                       fmt::format("the cluster has named broker {} without its address", broker)});
  open(known->second, left_ms(deadline_us),
       [broker, address = known->second,
        found = std::move(found)](Result<BrokerConnection*> opened) {
         if (opened || opened.error().code != ErrorCode::NetworkFailure)
           return found(std::move(opened));
         Error error = std::move(opened).error();
         const std::string prefix = address.to_string() + ": ";
         if (error.message.starts_with(prefix)) error.message.erase(0, prefix.size());
         error.message =
             fmt::format("broker {} advertises the address \"{}\", which cannot be used: {}",
                         broker, address.to_string(), error.message);
         if (error.hint.empty())
           error.hint = "Clients connect to the advertised.listeners of that broker.";
         found(std::move(error));
       });
}

void KafkaClient::open(const Address& address, int64_t patience_ms, Found found) {
  if (closed_) return found(*closed_);
  const std::string place = address.to_string();
  Slot& slot = slots_[place];
  if (slot.connection && slot.connection->is_open() && !slot.connection->must_be_renewed())
    return found(slot.connection.get());
  slot.waiting.push_back(std::move(found));
  if (slot.waiting.size() > 1) return;
  if (slot.connection) retire(std::move(slot.connection));
  slot.connection = std::make_unique<BrokerConnection>(
      loop_, settings_, address, std::min(patience_ms, settings_.setup_timeout_ms),
      [self = shared_from_this(), place](Status status) {
        self->opened(place, std::move(status));
      });
}

void KafkaClient::opened(const std::string& place, Status status) {
  Slot& slot = slots_[place];
  BrokerConnection* const connection = slot.connection.get();
  if (status) transaction_version_ = connection->feature_level("transaction.version");
  for (const Found& found : std::exchange(slot.waiting, {})) {
    if (status && connection->is_open())
      found(connection);
    else
      found(status ? Error{ErrorCode::NetworkFailure, place + ": the connection has ended"}
                   : status.error());
  }
}

// Destroys the connection later, because its callbacks may be running, and because it may have requests without an
// answer.
void KafkaClient::retire(std::unique_ptr<BrokerConnection> connection) {
  retired_.push_back(std::move(connection));
  loop_.post([self = shared_from_this()] {
    std::erase_if(self->retired_,
                  [](const auto& each) { return !(each->is_open() && each->is_busy()); });
  });
}

}  // namespace server::kafka_client
