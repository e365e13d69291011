// The sessions of a share group, and their waiting requests.
#include "server/coordinator/share_sessions.h"

#include <algorithm>
#include <utility>

#include "server/coordinator/group_errors.h"
#include "server/coordinator/share_config.h"
#include "server/coordinator/share_parts.h"

namespace server::coordinator {

namespace {

constexpr int32_t kOpens = 0, kCloses = -1;  // values of a session epoch
constexpr size_t kBytesOfSession = 600, kBytesOfPlace = 400;
// The time that a request waits for the states of its partitions to be read, if it does not ask for a longer time.
constexpr int64_t kReadPatienceMs = 5'000;

int32_t after(int32_t epoch) { return epoch == INT32_MAX ? 1 : epoch + 1; }

}  // namespace

ShareSessions::ShareSessions(std::string id, GroupSurroundings& around, Coordinator coordinator,
                             std::function<void()> on_idle)
    : id_(std::move(id)),
      around_(around),
      coordinator_(std::move(coordinator)),
      on_idle_(std::move(on_idle)) {}

ShareSessions::~ShareSessions() {
  end_all(kNotCoordinator);
  for (const Write& write : writes_)
    for (const Done<Stored>& done : write.done) done({.error = kNotCoordinator});
  for (const Done<Stored>& done : next_done_) done({.error = kNotCoordinator});
}

bool ShareSessions::is_idle() const {
  return sessions_.empty() && early_.empty() && writes_.empty() && next_.empty();
}

void ShareSessions::end(KafkaError why) {
  end_all(why);
  on_idle_();
}

void ShareSessions::end_all(KafkaError why) {
  for (auto& [number, early] : std::exchange(early_, {})) {
    around_.deadlines.cancel(early.deadline);
    early.done(early.request.refusal(why));
  }
  for (auto& [member, session] : sessions_) {
    around_.size.shrink(session.charged);
    if (!session.waiting) continue;
    Waiting waiting = stop_waiting(session);
    waiting.done(waiting.request.refusal(why));
  }
  sessions_.clear();
  while (!shared_.empty()) drop(TopicIdPartition(shared_.begin()->first));
  around_.deadlines.cancel(look_);
  if (!writes_.empty()) look_later();
}

bool ShareSessions::is_there(const TopicIdPartition& id) const {
  return is_topic_partition(around_, id);
}

// A request that adds partitions to its session waits until their states are read. It could be answered without
// records, but consumers would wait longer for the first ones.
void ShareSessions::fetch(ShareFetch request, Done<ShareFetched> done) {
  Early early;
  if (request.session_epoch != kCloses && !request.acknowledges_only)
    for (const ShareFetch::Partition& each : request.partitions)
      if (is_there(each.id))
        if (const auto found = find(each.id); found && *found == nullptr)
          early.unread.insert(each.id);
  if (early.unread.empty()) return serve(std::move(request), std::move(done));
  const uint64_t number = next_ticket_++;
  early.deadline = around_.deadlines.set(
      around_.clock.monotonic_us() + 1000 * std::max(request.max_wait_ms, kReadPatienceMs),
      [this, number] {
        Early late = std::move(early_.extract(number).mapped());
        serve(std::move(late.request), std::move(late.done));
      });
  early.request = std::move(request);
  early.done = std::move(done);
  const std::set<TopicIdPartition> unread = early.unread;
  early_.emplace(number, std::move(early));
  read(unread);
}

// Serves the requests whose partitions have been read.
void ShareSessions::serve_early() {
  std::vector<Early> ready;
  for (auto each = early_.begin(); each != early_.end();) {
    std::erase_if(each->second.unread, [&](const TopicIdPartition& id) {
      const auto found = shared_.find(id);
      return found == shared_.end() || found->second.stage == Stage::Read;
    });
    if (!each->second.unread.empty()) {
      ++each;
      continue;
    }
    around_.deadlines.cancel(each->second.deadline);
    ready.push_back(std::move(each->second));
    each = early_.erase(each);
  }
  for (Early& each : ready) serve(std::move(each.request), std::move(each.done));
}

void ShareSessions::serve(ShareFetch request, Done<ShareFetched> done) {
  ShareFetched answer{.lock_timeout_ms = static_cast<int32_t>(lock_us() / 1000),
                      .reads_committed = reads_committed()};
  Session* session = begin(request, answer);
  if (!session) return done(std::move(answer));
  acknowledge(request, answer);
  if (request.session_epoch == kCloses) {
    close(sessions_.find(request.member_id), false);
    send(std::move(answer), std::move(done));
    return on_idle_();
  }
  if (request.acknowledges_only) return send(std::move(answer), std::move(done));
  if (const KafkaError error = update(*session, request, answer); error != KafkaError::None) {
    close(sessions_.find(request.member_id), true);
    return done(request.refusal(error, "The server has no room for the share session."));
  }
  const bool has_news = !answer.partitions.empty();
  const bool may_wait = request.max_wait_ms > 0 && !has_news && !request.may_renew;
  if (!request.may_renew && lend(*session, request, answer))
    return send(std::move(answer), std::move(done));
  if (!may_wait || session->partitions.empty()) return send(std::move(answer), std::move(done));
  wait(*session, std::move(request), std::move(answer), std::move(done));
}

void ShareSessions::send(ShareFetched answer, Done<ShareFetched> done) {
  commit([answer = std::move(answer), done = std::move(done)](const Stored& stored) mutable {
    if (stored.error != KafkaError::None) return done(ShareFetch().refusal(stored.error));
    for (ShareFetched::Partition& part : answer.partitions) {
      const auto refused = stored.refused.find(part.id);
      if (refused == stored.refused.end()) continue;
      part.error = refused->second;
      if (part.has_acknowledged) part.acknowledge_error = refused->second;
      part.acquired.clear();
    }
    done(std::move(answer));
  });
}

// --- Sessions

ShareSessions::Session* ShareSessions::begin(const ShareFetch& request, ShareFetched& refused) {
  const auto refuse = [&](KafkaError error, const char* why) {
    refused = request.refusal(error, why);
    return nullptr;
  };
  const auto found = sessions_.find(request.member_id);
  if (request.session_epoch == kOpens) {
    if (request.acknowledges_only)
      return refuse(kInvalidShareSessionEpoch, "An acknowledgement cannot open a share session.");
    if (std::ranges::any_of(request.partitions,
                            [](const auto& each) { return !each.acknowledged.empty(); }))
      return refuse(KafkaError::InvalidRequest,
                    "The first request of a share session cannot have acknowledgements.");
    if (found == sessions_.end() &&
        (sessions_.size() >= static_cast<size_t>(around_.settings.share_max_sessions) ||
         !around_.size.try_grow(kBytesOfSession)))
      return refuse(kShareSessionLimitReached, "There are too many share sessions.");
    Session& session = sessions_[request.member_id];
    // The records that the member has acquired stay acquired, because the member may still process
    // them: perhaps only an answer was lost.
    if (session.waiting) end_wait(session);
    around_.size.shrink(session.charged - (session.charged > 0 ? kBytesOfSession : 0));
    std::set<TopicIdPartition> lent = std::move(session.lent);
    session = {.member = std::make_shared<const std::string>(request.member_id),
               .connection = request.connection,
               .lent = std::move(lent),
               .charged = kBytesOfSession};
    return &session;
  }
  if (found == sessions_.end())
    return refuse(kShareSessionNotFound, "The share session does not exist.");
  Session& session = found->second;
  if (request.session_epoch != kCloses && request.session_epoch != session.next_epoch)
    return refuse(kInvalidShareSessionEpoch,
                  "The epoch of the share session is not the expected one.");
  if (session.waiting) end_wait(session);
  session.connection = request.connection;
  session.next_epoch = after(session.next_epoch);
  return &session;
}

KafkaError ShareSessions::update(Session& session, const ShareFetch& request,
                                 ShareFetched& answer) {
  Parts parts(answer);
  for (const ShareFetch::Partition& each : request.partitions) {
    if (session.places.contains(each.id)) continue;
    if (!is_there(each.id)) {
      parts.of(each.id).error = kUnknownTopicOfId;
      continue;
    }
    if (!around_.size.try_grow(kBytesOfPlace)) return kShareSessionLimitReached;
    session.charged += kBytesOfPlace;
    session.partitions.push_back(each.id);
    session.places[each.id] = std::prev(session.partitions.end());
  }
  for (const TopicIdPartition& each : request.forgotten) {
    const auto place = session.places.find(each);
    if (place == session.places.end()) continue;
    session.partitions.erase(place->second);
    session.places.erase(place);
    session.charged -= kBytesOfPlace;
    around_.size.shrink(kBytesOfPlace);
  }
  return KafkaError::None;
}

void ShareSessions::close(const CloseShareSession& request) {
  for (auto each = early_.begin(); each != early_.end();) {
    if (each->second.request.member_id != request.member_id ||
        each->second.request.connection != request.connection) {
      ++each;
      continue;
    }
    around_.deadlines.cancel(each->second.deadline);
    each->second.done(each->second.request.refusal(kShareSessionNotFound));
    each = early_.erase(each);
  }
  const auto found = sessions_.find(request.member_id);
  if (found != sessions_.end() && found->second.connection == request.connection) {
    close(found, true);
    commit([](const Stored&) {});
  }
  on_idle_();
}

void ShareSessions::close(Sessions::iterator session, bool has_tried) {
  if (session->second.waiting) end_wait(session->second);
  const std::string member = session->first;
  const std::set<TopicIdPartition> lent = std::move(session->second.lent);
  around_.size.shrink(session->second.charged);
  sessions_.erase(session);
  std::vector<TopicIdPartition> released;
  for (const TopicIdPartition& id : lent) {
    const auto shared = shared_.find(id);
    if (shared == shared_.end() || !shared->second.state.release(member, has_tried, limits()))
      continue;
    released.push_back(id);
    changed_.insert(id);
    charge(shared->second);
  }
  for (const TopicIdPartition& id : released) wake(id);
}

// --- Waiting requests

void ShareSessions::wait(Session& session, ShareFetch request, ShareFetched answer,
                         Done<ShareFetched> done) {
  for (const TopicIdPartition& each : session.partitions) around_.shared_log->watch(each);
  session.waiting.emplace(Waiting{std::move(request), std::move(answer), std::move(done)});
  const std::string member = *session.member;
  Waiting& waiting = *session.waiting;
  waiting.ticket = next_ticket_++;
  // A request that accepts no bytes is not added to the queue: it could get no record, and it would block the
  // requests after it.
  if (waiting.request.max_bytes > 0)
    for (const TopicIdPartition& each : session.partitions)
      waiting_[each].emplace(waiting.ticket, session.member);
  waiting.deadline = around_.deadlines.set(
      around_.clock.monotonic_us() + waiting.request.max_wait_ms * 1000, [this, member] {
        Session& of = sessions_.find(member)->second;
        of.waiting->deadline = {};
        end_wait(of);
      });
  // Tries once more, because records may have arrived before shared_log.watch() was called.
  if (lend(session, waiting.request, waiting.answer)) return end_wait(session);
  // Makes the start offset of the group durable, so that a restart does not choose another one.
  if (!changed_.empty()) commit([](const Stored&) {});
}

ShareSessions::Waiting ShareSessions::stop_waiting(Session& session) {
  Waiting waiting = *std::exchange(session.waiting, std::nullopt);
  around_.deadlines.cancel(waiting.deadline);
  for (const TopicIdPartition& each : session.partitions) {
    around_.shared_log->unwatch(each);
    const auto here = waiting_.find(each);
    if (here == waiting_.end()) continue;
    here->second.erase(waiting.ticket);
    if (here->second.empty()) waiting_.erase(here);
  }
  return waiting;
}

void ShareSessions::end_wait(Session& session) {
  Waiting waiting = stop_waiting(session);
  send(std::move(waiting.answer), std::move(waiting.done));
}

void ShareSessions::grown(const TopicIdPartition& partition) {
  wake(partition);
  if (!changed_.empty()) commit([](const Stored&) {});
}

}  // namespace server::coordinator
