#include <algorithm>
#include <set>
#include <utility>

#include "server/kafka/handlers/fetch_pass.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

constexpr int64_t kMaxWaitMs = 60'000;
// A client waits at most this long while no memory is available for its answer, and then gets an
// empty one.
constexpr int64_t kMemoryWaitMs = 500;
// The pause of a fetch before its next read if the last read has found fewer bytes than the client
// requested. Each read begins again at the first record, so a fetch must not read after each
// commit. It waits for at least kLookPauseUs, and for kLookPauseFactor times as long as the last
// read took. If the last read has found no bytes at all, the minimum of kLookPauseUs does not
// apply: the wake-up was for records that an earlier fetch had already returned, and the next
// records must not be delayed.
constexpr int64_t kLookPauseUs = 5'000, kLookPauseFactor = 10;

// Returns the end of a wait. Long waits are rounded up, by a tenth at most, so that many idle
// consumers share wake-ups. New records end a wait immediately.
int64_t deadline_us(int64_t now_us, int64_t wait_ms) {
  const int64_t grid_us = wait_ms >= 500 ? 50'000 : wait_ms >= 100 ? 10'000 : 1'000;
  return (now_us + wait_ms * 1000 + grid_us - 1) / grid_us * grid_us;
}

struct FetchTurn {
  storage::LogReader& reader;
  ~FetchTurn() { reader.end_turn(); }
};

// The condition that an answer waits for.
struct Awaited {
  std::vector<storage::TopicPartition> partitions;  // partitions that may get more records
  // the fetch waits for memory and not for records
  bool is_memory = false;
  // The read has found some records, but fewer bytes than the client has requested.
  bool has_found_some = false;
  // Partitions whose leadership must be confirmed.
  std::set<storage::TopicPartition> unconfirmed = {};
};

// If the client requests a session, begins one after a full fetch. The session contains the values
// that this answer sends.
int32_t begin_session(HandlerContext& context, const FetchRequest& request, int16_t version,
                      const FetchResponse& response) {
  constexpr int16_t kFirstVersionWithTopicIds = 13;
  if (!context.fetch_sessions || request.session_epoch != 0 || request.topics.empty()) return 0;
  auto session = std::make_shared<FetchSession>(version >= kFirstVersionWithTopicIds);
  session->update(request);
  session->note_told(response);
  return context.fetch_sessions->add(std::move(session));
}

// Returns the delay if this answer makes the client exceed its quota. The answer is then sent
// without records. The client repeats its request after the delay, and gets at most the bytes that
// the quota allows within its window (FetchPass). Exception: a single batch with more bytes than
// that is sent, because otherwise it could never be sent.
QuotaRates::Wait throttle(HandlerContext& context, size_t size) {
  if (size == 0 || !context.throttle || !context.throttle->rates) return {};
  const auto quotas = context.backend.quotas();
  if (quotas->empty()) return {};
  const auto bytes = static_cast<int64_t>(size);
  const int64_t now_ms = context.clock.monotonic_us() / 1000;
  QuotaRates& rates = *context.throttle->rates;
  const QuotaClient client = context.throttle->client();
  const QuotaRates::Wait wait = rates.record(*quotas, QuotaKind::Fetch, client, bytes, now_ms);
  if (wait.ms > 0 && !wait.is_for_these)
    rates.take_back(*quotas, QuotaKind::Fetch, client, bytes, now_ms);
  context.throttle->mute(context.clock, wait.ms);
  return wait;
}

// Sends the answer if enough records are available or the time is over. Otherwise returns the
// condition that the fetch has to wait for.
std::optional<Awaited> answer(HandlerContext& context, const FetchRequest& request,
                              const Reply<FetchResponse>& reply, FetchSessions::Use* session,
                              bool is_last, const Backend::ConfirmedLeaders* confirmed) {
  storage::LogReader& reader = context.backend.reader();
  if (const Status begun = reader.begin_turn(storage::Snapshot::WhenNeeded); !begun) {
    FetchResponse failed;
    failed.error_code = kafka_error(begun.error().code);
    reply.send(failed);
    return std::nullopt;
  }
  const FetchTurn turn{reader};  // lasts until the answer, which contains views, is written
  FetchPass pass(context, request, reply.version(), confirmed);
  FetchResponse response = session ? pass.take(**session) : pass.take();
  if (!pass.unconfirmed().empty())
    return Awaited{.partitions = pass.partitions(), .unconfirmed = pass.unconfirmed()};
  // A min_bytes above the limit for an answer could never be reached.
  const int64_t enough = std::min<int64_t>({request.min_bytes, request.max_bytes, kMaxFetchSize});
  const bool is_enough = static_cast<int64_t>(pass.size_bytes()) >= enough;
  if (!is_last && !pass.has_news() &&
      (!is_enough || (pass.lacks_memory() && pass.size_bytes() == 0)))
    return Awaited{pass.partitions(), pass.lacks_memory(),
                   pass.size_bytes() > 0 || pass.lacks_memory()};
  const QuotaRates::Wait wait = throttle(context, pass.size_bytes());
  if (wait.ms > 0 && !wait.is_for_these) {
    FetchResponse later;
    later.throttle_time_ms = wait.ms;
    if (session) later.session_id = session->id();
    reply.send(later);
    return std::nullopt;
  }
  response.throttle_time_ms = wait.ms;
  if (session) {
    response.session_id = session->id();
    pass.remember(**session);
  } else {
    response.session_id = begin_session(context, request, reply.version(), response);
  }
  constexpr size_t kRoomForFields = 4096;
  reply.expect_size(pass.size_bytes() + kRoomForFields);
  reply.send(response);
  return std::nullopt;
}

// The session that the request continues, if any (KIP-227).
struct Begun {
  KafkaError error = KafkaError::None;
  std::unique_ptr<FetchSessions::Use> session;
};
Begun go_on_with_session(HandlerContext& context, const FetchRequest& request, int16_t version) {
  constexpr int32_t kNoSession = 0, kFirstEpoch = 0, kLastEpoch = -1;
  constexpr int16_t kFirstVersionWithTopicIds = 13;
  const bool is_whole = request.session_epoch == kFirstEpoch || request.session_epoch == kLastEpoch;
  FetchSessions* const sessions = context.fetch_sessions;
  if (is_whole) {
    if (sessions && request.session_id != kNoSession) sessions->close(request.session_id);
    return {};
  }
  if (!sessions) return {kFetchSessionNotFound, nullptr};
  FetchSessions::Taken taken = sessions->take(request.session_id, request.session_epoch,
                                              version >= kFirstVersionWithTopicIds);
  if (!taken.use) return {taken.error, nullptr};
  (*taken.use)->update(request);
  if (!sessions->resize(*taken.use)) return {kFetchSessionNotFound, nullptr};
  // The request has removed all partitions, so the session ends.
  if ((*taken.use)->partitions().empty()) {
    sessions->close(request.session_id);
    return {};
  }
  return {KafkaError::None, std::move(taken.use)};
}

// Asks the other replicas whether this node still leads the partitions. Until the answer arrives,
// the connection begins no other request.
std::shared_ptr<LeadersQuestion> ask_who_leads(HandlerContext& context, const Awaited& awaited) {
  if (awaited.unconfirmed.empty()) return nullptr;
  auto question = std::make_shared<LeadersQuestion>();
  context.backend.confirm_leads(awaited.unconfirmed,
                                [question, connection = context.aside](auto confirmed) {
                                  *question = std::move(confirmed);
                                  if (connection && connection->on_open) connection->on_open();
                                });
  return question;
}

}  // namespace

void handle_fetch(HandlerContext& context, FetchRequest request, Reply<FetchResponse> reply) {
  Begun begun = go_on_with_session(context, request, reply.version());
  if (begun.error != KafkaError::None) {
    FetchResponse refusal;
    refusal.error_code = begun.error;
    return reply.send(refusal);
  }
  const bool may_wait = request.max_wait_ms > 0 && (begun.session || !request.topics.empty());
  auto awaited = answer(context, request, reply, begun.session.get(), !may_wait, nullptr);
  std::shared_ptr<LeadersQuestion> question = awaited ? ask_who_leads(context, *awaited) : nullptr;
  if (question && *question) {  // the answer arrived within the call
    awaited = answer(context, request, reply, begun.session.get(), !may_wait, &**question);
    question = nullptr;
  }
  if (!awaited) return;
  const int64_t wait_ms =
      std::min<int64_t>(request.max_wait_ms, awaited->is_memory ? kMemoryWaitMs : kMaxWaitMs);
  context.waiting_fetch.emplace(WaitingFetch{
      std::move(request), reply, deadline_us(context.clock.monotonic_us(), wait_ms),
      std::move(awaited->partitions), 0, std::move(begun.session), std::move(question)});
}

void retry_waiting_fetch(HandlerContext& context) {
  WaitingFetch& waiting = *context.waiting_fetch;
  if (waiting.is_unanswered()) return;
  const int64_t begin_us = context.clock.monotonic_us();
  const auto question = std::exchange(waiting.question, nullptr);
  const auto awaited = answer(context, waiting.request, waiting.reply, waiting.session.get(),
                              begin_us >= waiting.deadline_us, question ? &**question : nullptr);
  if (!awaited) return context.waiting_fetch.reset();
  waiting.question = ask_who_leads(context, *awaited);
  const int64_t now_us = context.clock.monotonic_us();
  const int64_t least_us = awaited->has_found_some ? kLookPauseUs : 0;
  waiting.next_look_us = now_us + std::max(least_us, (now_us - begin_us) * kLookPauseFactor);
  if (awaited->is_memory)
    waiting.deadline_us =
        std::min(waiting.deadline_us, deadline_us(context.clock.monotonic_us(), kMemoryWaitMs));
}

}  // namespace server::kafka
