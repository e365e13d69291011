#include "server/links/open_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "server/links/link_settings.h"

namespace server {

namespace {

constexpr int64_t kOpenPatienceUs = 10'000'000;
// A cluster that refuses a user may lock the user out after some attempts, so attempts are rare.
constexpr int64_t kRefusedPauseMs = 30'000;

bool is_refusal(const Error& error) {
  return error.code != ErrorCode::NetworkFailure && error.code != ErrorCode::ProtocolViolation;
}

}  // namespace

Error link_error(const std::string& link, Error error) {
  error.message = fmt::format("link {}: {}", link, error.message);
  if (!error.hint.empty()) return error;
  const auto has = [&](std::string_view part) {
    return error.message.find(part) != std::string::npos;
  };
  if (has("connection refused"))
    error.hint =
        "No server listens at this address. 'bootstrap.servers' names a running Kafka broker, "
        "whose "
        "port is usually 9092; 'connect' = 'later' creates the link without a connection.";
  else if (has("does not answer like a Kafka broker") || has("an HTTP server answers"))
    error.hint =
        "This port uses another protocol, such as PostgreSQL's, HTTP or TLS. 'bootstrap.servers' "
        "names the port for Kafka clients (--kafka of Millrace, 9092 by default); a port with TLS "
        "needs 'security.protocol' = 'SSL'.";
  else if (has("is not HOST:PORT"))
    error.hint = "A broker is a host and a port, without http://: 'kafka1:9092'.";
  else if (has("unknown node or service"))
    error.hint = "The host has no address. Correct its name in 'bootstrap.servers'.";
  else if (has("there is no topic"))
    error.hint = fmt::format("SHOW TOPICS FROM LINK {} lists the topics.", link);
  return error;
}

LinkFacts link_facts(const kafka_client::KafkaClient& client,
                     const kafka::MetadataResponse& answer) {
  const auto has_id = [](const auto& topic) { return !topic.topic_id.is_nil(); };
  return {.cluster_id = answer.cluster_id.value_or(""),
          .brokers = static_cast<int64_t>(answer.brokers.size()),
          .topics = std::ranges::count_if(answer.topics,
                                          [](const auto& topic) { return !topic.is_internal; }),
          .transaction_version = client.transaction_version(),
          .has_topic_ids = std::ranges::any_of(answer.topics, has_id)};
}

OpenLink::OpenLink(Loop& loop, const Clock& clock, MemoryBudget& memory,
                   const SecretSettings& secrets, Random random,
                   storage::LinkDefinitionPtr definition)
    : loop_(loop),
      clock_(clock),
      memory_(std::make_shared<MemoryAccount>(memory)),
      secrets_(secrets),
      random_(random),
      definition_(std::move(definition)),
      since_ms_(clock.wall_ms()),
      timer_(loop, "a link asks its cluster", [this] { refresh(); }) {
  timer_.start_once(0);
}

OpenLink::~OpenLink() {
  is_over_ = true;
  if (client_)
    client_->close(
        {ErrorCode::ObjectState, "the link was dropped or replaced, or the server stops"});
}

Result<std::shared_ptr<kafka_client::KafkaClient>> OpenLink::client() {
  if (client_) return client_;
  auto settings = read_link_settings(definition_->name, definition_->properties, secrets_);
  if (!settings) {
    Error error = link_error(definition_->name, std::move(settings).error());
    set_state(LinkState::Refused, error.message);
    return error;
  }
  settings->memory = memory_;
  client_ =
      kafka_client::KafkaClient::make(loop_, clock_, *std::move(settings), Random(random_.next()));
  return client_;
}

LinkInfo OpenLink::info() const {
  return {.name = definition_->name,
          .owner = definition_->owner,
          .state = state_,
          .since_ms = since_ms_,
          .cluster_id = cluster_id_,
          .brokers = brokers_,
          .last_error = last_error_,
          .properties = shown_properties(definition_->properties)};
}

void OpenLink::refresh() {
  const auto client = this->client();
  if (!client) return timer_.start_once(kRefusedPauseMs);
  (*client)->ask_metadata(
      std::vector<std::string>(), clock_.monotonic_us() + kOpenPatienceUs,
      callback_.here([this](Result<kafka::MetadataResponse> answer) { take(answer); }));
}

void OpenLink::take(const Result<kafka::MetadataResponse>& answer) {
  if (is_over_) return;
  const kafka_client::ClientSettings& settings = client_->settings();
  if (answer) {
    cluster_id_ = answer->cluster_id.value_or("");
    brokers_ = static_cast<int64_t>(answer->brokers.size());
    pause_ms_ = 0;
    set_state(LinkState::Connected, {});
    return timer_.start_once(settings.metadata_max_age_ms);
  }
  const bool is_refused = is_refusal(answer.error());
  set_state(is_refused ? LinkState::Refused : LinkState::Connecting, answer.error().message);
  if (is_refused) {
    // The broker has refused the user. The operator may replace the secrets, so the next attempt
    // reads them again.
    client_->close(answer.error());
    client_.reset();
    return timer_.start_once(kRefusedPauseMs);
  }
  const int64_t most_ms = std::max<int64_t>(settings.backoff_max_ms, 1);
  pause_ms_ = std::clamp<int64_t>(
      pause_ms_ * 2, std::min(std::max<int64_t>(settings.backoff_ms, 1), most_ms), most_ms);
  constexpr double kJitter = 0.2;
  timer_.start_once(static_cast<int64_t>(static_cast<double>(pause_ms_) *
                                         (1 - kJitter + 2 * kJitter * random_.next_double())));
}

void OpenLink::set_state(LinkState state, std::string error) {
  if (state != state_) since_ms_ = clock_.wall_ms();
  if (error != last_error_) {
    if (error.empty())
      log_info("a link is connected link={} cluster={}", definition_->name, cluster_id_);
    else
      log_warn("a link is not connected link={} error=\"{}\"", definition_->name, error);
  }
  state_ = state;
  last_error_ = std::move(error);
}

}  // namespace server
