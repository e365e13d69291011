#include "server/sql/follow/surveys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/cpu_time.h"
#include "base/random.h"
#include "engine/functions/catalog_names.h"
#include "engine/system_tables/system_catalog.h"
#include "server/sql/log_rows/log_rows.h"
#include "server/sql/session.h"
#include "server/sql/short_work.h"

namespace server {

namespace {

// Returns the identity of a followed statement. The names and values come from clients, so each is written with its
// length.
std::string identity_of(const std::string& text, const InformationReader& reader) {
  std::string identity;
  const auto add = [&](std::string_view part) {
    fmt::format_to(std::back_inserter(identity), "{}:{}", part.size(), part);
  };
  add(text);
  add(reader.asker ? "1" : "0");
  add(reader.asker.value_or(""));
  add(reader.database);
  add(reader.user);
  add(reader.temporary_schema);
  for (const auto* values : {&reader.properties, &reader.variables}) {
    add(std::to_string(values->size()));
    for (const auto& [name, value] : *values) {
      add(name);
      add(value);
    }
  }
  return identity;
}

Result<engine::RowsChunks> surveyed_rows(SqlParts& parts, const FollowedStatement& statement,
                                         const InformationFacts& facts) {
  const InformationReader& reader = statement.reader();
  const auto names =
      catalog_names_of(facts.image, reader.asker, reader.user, reader.temporary_schema);
  const engine::CatalogNamesInUse names_in_use(names.get());
  Random random(static_cast<uint64_t>(parts.clock.monotonic_us()));
  engine::EvalBudget budget(parts.clock, nullptr, &parts.memory);
  engine::RowsContext context({parts.clock, random, &reader.properties, &budget}, &parts.memory);
  return facts.with_context_for(reader, [&](const engine::InformationContext& about) {
    const engine::CatalogRows system(about, reader.database, reader.user, reader.temporary_schema);
    const LogRows with_log(parts, facts.image, reader.asker, system);
    return engine::run_rows_plan(*statement.select().rows, {}, context, &with_log);
  });
}

}  // namespace

FollowedStatement::FollowedStatement(FollowedSelect select, InformationReader reader,
                                     MemoryBudget& memory)
    : select_(std::move(select)),
      reader_(std::move(reader)),
      rows_(select_.rows->result, select_.key),
      charge_(memory, MemoryKind::Results) {}

Result<FollowedRows::ChangesPtr> FollowedStatement::since(FollowedRows::Version seen) {
  const std::lock_guard lock(mutex_);
  if (failure_) return Error(*failure_);
  if (rows_.version() == seen) return FollowedRows::ChangesPtr();
  return rows_.since(seen);
}

FollowedRows::Version FollowedStatement::version() {
  const std::lock_guard lock(mutex_);
  return rows_.version();
}

uint64_t FollowedStatement::add_follower(Wake wake) {
  const std::lock_guard lock(mutex_);
  wakes_.emplace(++last_number_, std::move(wake));
  return last_number_;
}

void FollowedStatement::remove_follower(uint64_t number) {
  const std::lock_guard lock(mutex_);
  wakes_.erase(number);
}

size_t FollowedStatement::followers() {
  const std::lock_guard lock(mutex_);
  return wakes_.size();
}

void FollowedStatement::take(Result<engine::RowsChunks> rows) {
  // A wake function only posts to the loop of its follower, so the lock is held for a short time.
  // remove_follower() waits for the lock, so that a follower is not called after its destruction.
  const Loop::WakesTogether wakes_together;
  const std::lock_guard lock(mutex_);
  const FollowedRows::Version before = rows_.version();
  const bool had_failed = failure_.has_value();
  failure_.reset();
  if (rows) {
    rows_.take(*rows);
    if (!charge_.try_resize(rows_.bytes()))
      failure_ = charge_.refusal(
          fmt::format("the rows of a followed table, {}", format_bytes(rows_.bytes())));
  } else {
    failure_ = std::move(rows).error();
  }
  if (rows_.version() == before && !failure_ && !had_failed) return;
  for (const auto& [number, wake] : wakes_) wake();
}

Surveys::Surveys(SqlParts& parts, Loop& home)
    : parts_(parts), home_(home), timer_(home, "survey of followed tables", [this] { survey(); }) {}

Surveys::~Surveys() = default;

Result<std::unique_ptr<Surveys::Follower>> Surveys::follow(const std::string& text,
                                                           FollowedSelect select,
                                                           InformationReader reader,
                                                           FollowedStatement::Wake wake) {
  const std::string identity = identity_of(text, reader);
  std::unique_ptr<Follower> follower;
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(statements_, [](const auto& each) { return each.second.expired(); });
    std::shared_ptr<FollowedStatement> statement;
    if (const auto found = statements_.find(identity); found != statements_.end())
      statement = found->second.lock();
    if (!statement) {
      if (statements_.size() >= kMostStatements)
        return Error{ErrorCode::TooManyStatements,
                     fmt::format("{} different statements follow catalog tables already",
                                 statements_.size()),
                     {},
                     "End some of them, or use a statement that is followed already."};
      statement =
          std::make_shared<FollowedStatement>(std::move(select), std::move(reader), parts_.memory);
      statements_[identity] = statement;
      is_new = true;
    }
    follower = std::make_unique<Follower>(std::move(statement), std::move(wake));
  }
  if (is_new)
    home_.post([this] {
      is_wanted_again_ = true;
      if (!gathering_) survey();
    });
  return follower;
}

Surveys::Statements Surveys::living() {
  Statements statements;
  const std::lock_guard lock(mutex_);
  for (const auto& [identity, each] : statements_)
    if (auto statement = each.lock(); statement && statement->followers() > 0)
      statements.push_back(std::move(statement));
  return statements;
}

void Surveys::survey() {
  is_wanted_again_ = false;
  Statements statements = living();
  if (statements.empty()) return;
  InformationNeeds needs;
  for (const auto& each : statements)
    for (const engine::SystemTable* table : each->select().rows->system_tables) needs.add(*table);
  gathering_.emplace(parts_, home_, InformationReader(), parts_.definitions.image());
  gathering_->begin(needs, [this, statements = std::move(statements)](
                               std::shared_ptr<const InformationFacts> facts) mutable {
    compute(std::move(facts), std::move(statements));
  });
}

void Surveys::compute(std::shared_ptr<const InformationFacts> facts, Statements statements) {
  const bool is_taken = parts_.workers.try_run(
      kMostShortWorkBytes, [this, facts = std::move(facts), statements = std::move(statements)] {
        // The time until the next survey depends on the CPU time of this survey. Time spent waiting does not count.
        const int64_t begun_us = thread_cpu_us();
        for (const auto& each : statements) each->take(surveyed_rows(parts_, *each, *facts));
        const int64_t taken_us = thread_cpu_us() - begun_us;
        home_.post([this, taken_us] { end_survey(taken_us); });
      });
  // The queue of the workers is full, so this survey is skipped.
  if (!is_taken) home_.post([this] { end_survey(0); });
}

void Surveys::end_survey(int64_t worker_us) {
  gathering_.reset();
  interval_ms_ = std::max(kIntervalMs,
                          static_cast<int64_t>(static_cast<double>(worker_us) / kMostShare / 1e3));
  if (is_wanted_again_)
    survey();
  else
    timer_.start_once(interval_ms_);
}

}  // namespace server
