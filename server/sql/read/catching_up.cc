#include "server/sql/read/catching_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/plan/analysis.h"
#include "server/sql/read/materialized_tables.h"
#include "server/sql/read/read_preparation.h"
#include "server/tasks/log_ports.h"

namespace server {

namespace {

constexpr int64_t kLookMs = 100;  // time between two checks of the progress
constexpr int64_t kAgainMs = 20;  // delay before another attempt after a restart or a failure

std::string hint(int64_t most_ms) {
  return fmt::format(
      "SELECT waits up to read.wait.ms ({}) without progress; SHOW QUERIES shows the progress.",
      most_ms);
}

// Formats 8192 as "8,192".
std::string with_thousands(int64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

bool is_paused(const DefinedQuery& query) {
  return query.query->state == engine::DesiredState::Paused;
}

// Returns the error of a read that has waited in vain for a view. If the last computation of the
// view has failed, its error is returned, because a longer wait cannot help.
Error view_behind(const engine::ViewState& view, int64_t now_us, const std::string& which_made,
                  const std::string& waited, std::string hint) {
  if (view.error) return *view.error;
  const std::string next = view.running_since_us
                               ? fmt::format("Its SELECT has been running for {} ms",
                                             (now_us - *view.running_since_us) / 1000)
                               : fmt::format("Its SELECT runs again in {} ms",
                                             std::max(view.due_at_us - now_us, int64_t{0}) / 1000);
  const std::string last =
      view.runs == 0 ? "" : fmt::format("; the last run took {} ms", view.last_run_us / 1000);
  return {ErrorCode::ObjectState,
          fmt::format("{} does not show all earlier changes of its tables yet", which_made),
          fmt::format("{}{}. {}", next, last, waited), std::move(hint)};
}

uint64_t newest_change(SqlParts& parts, std::span<const DefinedQuery* const> route) {
  uint64_t since = 0;
  for (const DefinedQuery* query : route)
    since = std::max(since, parts.supervisor.health_of(query->plan->id).since);
  return since;
}

}  // namespace

// ---- PatientWait

PatientWait::PatientWait(SqlSession& session, int64_t most_ms)
    : session_(session),
      most_ms_(most_ms),
      begun_us_(session.parts().clock.monotonic_us()),
      moved_us_(begun_us_) {}

int64_t PatientWait::now_us() const { return session_.parts().clock.monotonic_us(); }
int64_t PatientWait::waited_ms() const { return (now_us() - begun_us_) / 1000; }
bool PatientWait::is_over() const { return now_us() - moved_us_ >= most_ms_ * 1000; }

// Returns the time between two checks of the progress: at most a quarter of the wait, so that a short wait notices
// progress, too.
int64_t PatientWait::interval_ms() const { return std::clamp(most_ms_ / 4, int64_t{1}, kLookMs); }

void PatientWait::watch(AskProgress ask, Late late) {
  ask_ = std::move(ask);
  late_ = std::move(late);
  last_.reset();
  timer_.emplace(session_.shard().loop(), "waiting reads", [this] { look(); });
  timer_->start_once(interval_ms());
}

void PatientWait::look() {
  asked_.emplace();
  ask_(asked_->here([this](const ReadBarrier::Progress& progress) { take(progress); }));
}

void PatientWait::take(const ReadBarrier::Progress& progress) {
  if (!timer_) return;
  // The first report does not count as progress: there is no earlier report to compare it with, and the work that
  // it shows may have been done before this wait began.
  if (last_ && (progress.is_beyond(*last_) || progress.is_computing())) moved_us_ = now_us();
  last_ = progress;
  if (is_over()) {
    timer_.reset();
    return late_(progress);
  }
  timer_->start_once(interval_ms());
}

namespace {

bool is_view(const DefinedQuery& query) { return query.query->kind == engine::QueryKind::View; }

}  // namespace

// ---- CatchingUp

CatchingUp::CatchingUp(SqlSession& session, MetadataImagePtr image, const char* noun,
                       std::vector<Made> made, Demand demand)
    : session_(session),
      image_(std::move(image)),
      noun_(noun),
      demand_(demand),
      made_(std::move(made)) {
  for (const Made& each : made_) queries_.push_back(each.query.get());
}

void CatchingUp::begin(std::function<void(Status)> done) {
  done_ = std::move(done);
  // Most reads have nothing to wait for.
  if (!demand_.all_run && !has_own_writes() && has_caught_up_once()) return end({});
  route_ = queries_on_the_way(*image_, queries_);
  wait_.emplace(session_, session_.read_wait_ms());
  evaluate();
}

// Whether a reader of each table has caught up once, which is enough for this reader.
bool CatchingUp::has_caught_up_once() const {
  return !demand_.everything && std::ranges::all_of(queries_, [this](const DefinedQuery* query) {
    return has_caught_up(session_.parts(), *image_, *query);
  });
}

bool CatchingUp::has_own_writes() const {
  return !session_.written().empty() && !std::ranges::all_of(made_, [this](const Made& each) {
    return session_.has_passed(each.query);
  });
}

// Updates image_, queries_ and route_ to the present definitions, since a query of the route may be
// paused, resumed, replaced or dropped during the wait. Returns false if the queries that make the
// tables were replaced or dropped.
bool CatchingUp::follow_definitions() {
  SqlParts& parts = session_.parts();
  MetadataImagePtr now = parts.definitions.image();
  if (now->revision == image_->revision) return true;
  if (!std::ranges::all_of(made_, [&](const Made& each) { return is_current(parts, *each.query); }))
    return false;
  image_ = std::move(now);
  queries_.clear();
  for (Made& each : made_) {
    each.query = image_->find_query(each.query->plan->id);
    if (!each.query) return false;
    queries_.push_back(each.query.get());
  }
  route_ = queries_on_the_way(*image_, queries_);
  return true;
}

// Decides from the state of the queries which offsets the wait must reach. Runs again after each
// change of their state.
void CatchingUp::evaluate() {
  if (!follow_definitions())
    return end(Error{ErrorCode::UndefinedObject,
                     fmt::format("a query behind {} was replaced during the read", names()),
                     {},
                     "Try again in a moment."});
  trouble_.reset();
  warning_.reset();
  since_ = 0;
  bool is_starting = false;
  for (const DefinedQuery* query : route_) {
    const std::string& id = query->plan->id;
    const QuerySupervisor::Health health = session_.parts().supervisor.health_of(id);
    since_ = std::max(since_, health.since);
    is_starting = is_starting || health.is_starting;
    if (trouble_) continue;
    if (health.trouble)
      trouble_ = Trouble{id, false, health.trouble->error};
    else if (is_paused(*query))
      trouble_ = Trouble{id, true};
  }
  if (is_starting) return try_again();
  // A view shows only rows that equal its SELECT over a prefix of its inputs, so its readers must
  // wait.
  const bool reads_view =
      std::ranges::any_of(queries_, [](const DefinedQuery* query) { return is_view(*query); });
  if (trouble_ && (reads_view || demand_.all_run))
    return end(Error{ErrorCode::ObjectState,
                     fmt::format("{} cannot be read: query {} {}", names(), trouble_->query_id,
                                 trouble_->is_paused ? "is paused" : "has failed"),
                     trouble_->why.message,
                     trouble_->is_paused
                         ? fmt::format("RESUME {} continues it.", trouble_->query_id)
                         : trouble_->why.hint});
  if (has_own_writes()) return await(trouble_ ? Ends::Own : Ends::All);
  if (trouble_) return look();
  await(Ends::All);
}

void CatchingUp::await(Ends which) {
  if (which == Ends::Own || has_caught_up_once()) {
    if (!has_own_writes()) return end({});
    return await_ends(Ends::Own, session_.written());
  }
  ask_ends([this](SessionWrites ends) {
    for (const auto& [partition, end] : session_.written())
      ends[partition] = std::max(ends[partition], end);
    await_ends(Ends::All, ends);
  });
}

void CatchingUp::await_ends(Ends which, const SessionWrites& ends) {
  receiver_ = std::make_shared<int>();
  const auto mode = wait_->most_ms() == 0 ? ReadBarrier::Mode::Look : ReadBarrier::Mode::Wait;
  const auto receiver = receiver_;
  auto barrier = ReadBarrier::begin(
      session_.parts(), session_.shard(), image_, queries_, ends, mode, receiver,
      there_.here([this, which](const Status& status) { passed(which, status); }));
  if (receiver_ != receiver) return;  // the barrier has answered within begin()
  barrier_ = std::move(barrier);
  if (mode == ReadBarrier::Mode::Look) return;
  wait_->watch(
      [barrier = barrier_](auto take) { barrier->ask_progress(std::move(take)); },
      [this, which](const ReadBarrier::Progress& progress) { end(behind(which, progress)); });
}

void CatchingUp::passed(Ends which, const Status& status) {
  const auto barrier = std::exchange(barrier_, nullptr);
  const auto receiver = std::exchange(receiver_, nullptr);
  wait_->rest();
  if (!done_) return;
  if (!status && wait_->most_ms() == 0 && barrier) {
    receiver_ = receiver;  // the barrier answers while the receiver lives
    return barrier->ask_progress(there_.here(
        [this, which](const ReadBarrier::Progress& progress) { end(behind(which, progress)); }));
  }
  // A query that has restarted in the meantime may have had no tasks to wait for, so the wait is
  // repeated.
  if (!status || newest_change(session_.parts(), route_) != since_) return try_again();
  for (const Made& each : made_) session_.note_passed(each.query);
  if (trouble_) return look();
  if (which == Ends::All)
    for (const DefinedQuery* query : queries_) {
      const DefinedQuery* const its[] = {query};
      session_.parts().caught_up.note(
          query->plan->id, newest_change(session_.parts(), queries_on_the_way(*image_, its)));
    }
  end({});
}

// Checks whether rows are missing because one of the queries that write the table or stream does
// not run.
void CatchingUp::look() {
  ask_ends([this](const SessionWrites& ends) {
    receiver_ = std::make_shared<int>();
    ReadBarrier::begin(session_.parts(), session_.shard(), image_, queries_, ends,
                       ReadBarrier::Mode::Look, receiver_,
                       there_.here([this](const Status& status) {
                         receiver_.reset();
                         if (!done_) return;
                         warn(!status);
                         end({});
                       }));
  });
}

// Passes to `then` the ends of all topics that the queries of the route read. Every acknowledged
// record lies before these ends.
void CatchingUp::ask_ends(std::function<void(SessionWrites)> then) {
  SqlParts& parts = session_.parts();
  std::vector<storage::TopicPartition> partitions = partitions_read_by(*image_, route_);
  if (partitions.empty()) return then({});
  std::erase_if(partitions, [&](const storage::TopicPartition& partition) {
    return !parts.cluster->has_topic(partition.topic);
  });
  auto answer = [this, then = std::move(then)](Result<ClusterTopics::Ends> ends) {
    if (!done_) return;
    if (!ends && ends.error().code == ErrorCode::ObjectState)
      return end(behind_transaction(names(), wait_->waited_ms()));
    if (!ends) return end(std::move(ends).error());
    SessionWrites found;
    for (const auto& [partition, end] : *ends)
      if (end > Offset(0)) found[to_engine(partition)] = end;
    then(std::move(found));
  };
  const int64_t wait_ms = session_.open_wait_ms();
  if (parts.cluster->asks_leaders())
    parts.cluster->ask_ends(std::move(partitions), wait_ms,
                            there_.on(session_.shard().loop(), std::move(answer)));
  else  // asks within the call; on_loop() would delay the answer
    parts.cluster->ask_ends(std::move(partitions), wait_ms, there_.here(std::move(answer)));
}

void CatchingUp::try_again() {
  if (wait_->is_over()) return end(behind(Ends::All, {}));
  retry_.emplace(session_.shard().loop(), "waiting reads", [this] { evaluate(); });
  retry_->start_once(kAgainMs);
}

void CatchingUp::warn(bool lacks_rows) {
  const Trouble& trouble = *trouble_;
  if (trouble.is_paused && !lacks_rows) return;
  warning_ = sql::Notice{
      sql::NoticeLevel::Warning,
      fmt::format("{} {} not up to date: query {} {}", names(), are_many() ? "are" : "is",
                  trouble.query_id, trouble.is_paused ? "is paused" : "has failed"),
      trouble.why.message,
      trouble.is_paused ? fmt::format("Use RESUME {} to continue the query.", trouble.query_id)
                        : trouble.why.hint};
}

void CatchingUp::end(Status status) {
  receiver_.reset();
  barrier_.reset();
  if (wait_) wait_->rest();
  if (auto done = std::exchange(done_, nullptr)) done(std::move(status));
}

bool CatchingUp::lies_behind_transaction() const {
  return !session_.parts().cluster->asks_leaders() &&
         std::ranges::any_of(session_.written(), [this](const auto& written) {
           const auto status = session_.parts().log.find_partition(to_storage(written.first));
           return status && written.second > status->readable_end();
         });
}

Error CatchingUp::behind(Ends which, const ReadBarrier::Progress& progress) const {
  const std::string which_made = names();
  const char* const are = are_many() ? "are" : "is";
  const std::string waited =
      fmt::format("Waited {} ms, the last {} ms without progress.", wait_->waited_ms(),
                  std::min(wait_->most_ms(), wait_->waited_ms()));
  if (trouble_) {
    const bool is_paused = trouble_->is_paused;
    return {ErrorCode::ObjectState,
            fmt::format("{} {} not up to date{}: query {} {}", which_made, are,
                        which == Ends::Own ? " with what this session wrote" : "",
                        trouble_->query_id, is_paused ? "is paused" : "has failed"),
            is_paused ? waited : trouble_->why.message,
            is_paused ? fmt::format("Use RESUME {} to continue the query.", trouble_->query_id)
                      : trouble_->why.hint};
  }
  if (lies_behind_transaction()) return behind_transaction(which_made, wait_->waited_ms());
  if (progress.view)
    return view_behind(*progress.view, session_.parts().clock.monotonic_us(), which_made, waited,
                       hint(wait_->most_ms()));
  if (which == Ends::Own)
    return {ErrorCode::ObjectState,
            fmt::format("{} {} not yet caught up with what this session wrote", which_made,
                        are_many() ? "have" : "has"),
            waited, hint(wait_->most_ms())};
  const bool has_count = progress.is_of_topics && progress.records < progress.of_records;
  return {
      ErrorCode::ObjectState,
      fmt::format("{} {} still reading {} sources{}", which_made, are, are_many() ? "their" : "its",
                  has_count ? fmt::format(": {} of {} records", with_thousands(progress.records),
                                          with_thousands(progress.of_records))
                            : ""),
      waited, hint(wait_->most_ms())};
}

bool CatchingUp::are_many() const {
  return std::ranges::any_of(made_,
                             [this](const Made& each) { return each.name != made_.front().name; });
}

std::string CatchingUp::names() const {
  std::vector<std::string> names;
  for (const Made& each : made_)
    if (std::ranges::find(names, each.name) == names.end()) names.push_back(each.name);
  const std::string all = engine::join_words(names, "and");
  const bool are_views =
      std::ranges::all_of(queries_, [](const DefinedQuery* query) { return is_view(*query); });
  const std::string_view noun(are_views ? "materialized view" : noun_);
  return noun.empty() ? all : fmt::format("{}{} {}", noun, are_many() ? "s" : "", all);
}

// A reader of a view must see everything that was acknowledged before its statement, in any
// session, so its wait is never skipped.
bool has_caught_up(SqlParts& parts, const MetadataImage& image, const DefinedQuery& query) {
  if (is_view(query)) return false;
  const DefinedQuery* const queries[] = {&query};
  uint64_t since = 0;
  for (const DefinedQuery* each : queries_on_the_way(image, queries)) {
    if (is_paused(*each)) return false;
    const QuerySupervisor::Health health = parts.supervisor.health_of(each->plan->id);
    if (health.is_starting || health.trouble) return false;
    since = std::max(since, health.since);
  }
  return parts.caught_up.has(query.plan->id, since);
}

}  // namespace server
