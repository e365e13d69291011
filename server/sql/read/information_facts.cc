#include "server/sql/read/information_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/system_tables/catalog_names.h"
#include "engine/system_tables/system_catalog.h"
#include "server/metadata/name_hints.h"
#include "server/sql/connectors/connector_rows.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

void add_to(engine::QueryStatus& status, const ShardTaskReport& report) {
  if (report.is_paused && status.state != "ERROR") status.state = "PAUSED";
  if (report.has_failed) status.state = "ERROR";
  status.records_in += report.metrics.records_in;
  status.records_failed += report.metrics.records_failed;
  status.state_entries += report.state_entries;
  status.state_bytes += report.state_bytes;
  status.memory_bytes += report.memory_bytes;
  status.records_late += report.metrics.records_late;
  status.records_ahead += report.metrics.records_ahead;
  status.windows_expired += report.metrics.windows_expired;
  status.records_per_second += report.metrics.records_per_second;
  if (!report.metrics.last_error.empty()) status.last_error = report.metrics.last_error;
  // Shows the stream time of the task that is furthest ahead, and the record that advanced this time: because of that
  // record, other records are late.
  if (const engine::StreamTime& time = report.metrics.stream_time;
      time.offset >= 0 && time.timestamp >= status.stream_time) {
    status.stream_time = time.timestamp;
    status.time_moved_by = fmt::format("partition {}, offset {}, time {}", time.partition,
                                       time.offset, time.timestamp);
  }
}

}  // namespace

void InformationNeeds::add(const engine::SystemTable& table) {
  statuses = statuses || engine::needs_statuses(table);
  server_facts = server_facts || engine::needs_server_facts(table);
  consumer_groups = consumer_groups || engine::needs_consumer_groups(table);
  connectors = connectors || engine::needs_connectors(table);
}

InformationReader reader_of(const SqlSession& session) {
  return {session.properties(), session.variables(), session.asker(),
          session.database(),   session.user(),      session.temporary().schema()};
}

InformationFacts::InformationFacts(SqlParts& parts, InformationReader the_reader,
                                   MetadataImagePtr the_image)
    : image(std::move(the_image)),
      settings(parts.settings.engine),
      server_properties{{"read.wait.ms", std::to_string(parts.settings.read_wait_ms)}},
      reader(std::move(the_reader)) {
  sequence_position = [&reserves = parts.sequences](const engine::Sequence& sequence) {
    return reserves.position(sequence);
  };
  const ClusterTopics& topics = *parts.cluster;
  replicas_of = [&topics](const Uuid& topic) { return topics.replicas_of(topic); };
  cluster = [&topics] { return topics.nodes(); };
  history = parts.history;
  audit = parts.audit;  // null until the HTTP front end is open, and without a console
}

engine::AccessFacts access_facts_of(const MetadataImage& image, const Asker& asker) {
  engine::AccessFacts facts;
  facts.asker = asker;
  for (const auto& [name, role] : image.users->roles)
    facts.roles.push_back({name, role.may_login, role.is_superuser, !role.verifiers.empty(),
                           role.member_of, storage::roles_of(*image.users, name)});
  const auto fact_of = [](storage::Rights rights) {
    return engine::RightsFact{(rights & storage::kMaySelect) != 0,
                              (rights & storage::kMayInsert) != 0, (rights & storage::kOwns) != 0};
  };
  for (const auto& [topic, by_role] : image.users->rights)
    for (const auto& [role, rights] : by_role) facts.rights[topic][role] = fact_of(rights);
  if (!image.users->rules.empty())
    facts.by_rules = [users = image.users, fact_of](const engine::RoleFact& role,
                                                    const std::string& topic) {
      return fact_of(storage::rights_on(*users, role.roles, topic));
    };
  return facts;
}

namespace {

// The names are views of the image, so this object shares the ownership of the image.
struct ImageNames {
  ImageNames(MetadataImagePtr the_image, Asker asker, std::string user,
             std::string temporary_schema)
      : image(std::move(the_image)),
        names(
            *image->catalog,
            [image = image, asker = std::move(asker)] { return access_facts_of(*image, asker); },
            std::move(user), std::move(temporary_schema)) {}
  const MetadataImagePtr image;
  engine::CatalogNameIndex names;
};

}  // namespace

std::shared_ptr<engine::CatalogNames> catalog_names_of(MetadataImagePtr image, Asker asker,
                                                       std::string user,
                                                       std::string temporary_schema) {
  auto owner = std::make_shared<ImageNames>(std::move(image), std::move(asker), std::move(user),
                                            std::move(temporary_schema));
  return {owner, &owner->names};
}

std::function<bool(const std::string& topic)> InformationFacts::may_see_of(
    const Asker& asker) const {
  return visible_to(*image->users, asker);
}

std::optional<sql::Notice> InformationFacts::missing_groups() const {
  if (without_groups_of.empty()) return std::nullopt;
  std::vector<std::string> nodes;
  for (const NodeId node : without_groups_of) nodes.push_back(fmt::to_string(node.value()));
  return sql::Notice{
      sql::NoticeLevel::Warning,
      fmt::format("groups that are coordinated by node {} are missing: it has not reported all of "
                  "them",
                  fmt::join(nodes, ", "))};
}

InformationGathering::InformationGathering(SqlParts& parts, Loop& loop, InformationReader reader,
                                           MetadataImagePtr image)
    : parts_(parts),
      loop_(loop),
      facts_(std::make_shared<InformationFacts>(parts, std::move(reader), std::move(image))) {}

InformationGathering::InformationGathering(SqlSession& session, MetadataImagePtr image)
    : InformationGathering(session.parts(), session.shard().loop(), reader_of(session),
                           std::move(image)) {}

void InformationGathering::begin(InformationNeeds needs, Done done) {
  needs_ = needs;
  done_ = std::move(done);
  left_ = 1;
  if (needs_.consumer_groups && parts_.consumer_groups) {
    ++left_;
    parts_.consumer_groups(on_loop([this](SqlParts::Groups known) {
      facts_->groups = std::move(known.groups);
      facts_->without_groups_of = std::move(known.incomplete);
      answer_one();
    }));
  }
  if (needs_.connectors && parts_.connectors) ask_connectors();
  if (needs_.schemas && parts_.definitions.outside_registry()) ask_registry();
  if (needs_.statuses) ask_shards();
  answer_one();
}

void InformationGathering::ask_registry() {
  ++left_;
  parts_.definitions.outside_registry()->list(
      on_loop([this](Result<engine::SchemaRegistry> listed) {
        if (listed)
          facts_->schemas = std::make_shared<const engine::SchemaRegistry>(*std::move(listed));
        else
          facts_->failure = listed.error();
        answer_one();
      }));
}

// If an external cluster of Kafka Connect does not answer, its connectors are missing and a warning is sent, as in SHOW
// CONNECTORS.
void InformationGathering::ask_connectors() {
  ++left_;
  parts_.connectors->list(on_loop([this](const Result<Listed<ConnectorInfo>>& listed) {
    if (listed) {
      for (const ConnectorInfo& each : listed->items) facts_->connectors.push_back(status_of(each));
      std::ranges::sort(facts_->connectors, {}, &engine::ConnectorStatus::name);
      for (const ConnectorNotice& each : listed->notices)
        facts_->connector_notices.push_back(sql_notice(each));
    } else {
      facts_->failure = listed.error();
    }
    answer_one();
  }));
}

void InformationGathering::ask_shards() {
  const std::vector<Shard*>& shards = parts_.queries.shards();
  left_ += shards.size();
  for (size_t number = 0; number < shards.size(); ++number) {
    auto report = on_loop([this, number](std::vector<ShardTaskReport> reports) {
      for (const ShardTaskReport& each : reports) add(each, number);
      answer_one();
    });
    shards[number]->post([shard = shards[number], report] { report(shard->reports()); });
  }
}

void InformationGathering::add(const ShardTaskReport& report, size_t shard) {
  const auto [query, is_first] = facts_->statuses.try_emplace(report.query_id);
  add_to(query->second, report);
  if (!report.awaited_query.empty()) awaited_[report.query_id] = report.awaited_query;
  // The lag of the query is known only if every task reports its lag.
  std::optional<int64_t>& lag = query->second.lag_records;
  if (is_first)
    lag = report.lag_records;
  else if (lag && report.lag_records)
    *lag += *report.lag_records;
  else
    lag.reset();
  engine::TaskStatus& task = facts_->tasks.emplace_back();
  task.query_id = report.query_id;
  task.task = report.task_id;
  task.stage = report.stage;
  task.shard = static_cast<int64_t>(shard);
  task.epoch = report.epoch.value();
  task.positions = report.positions;
  task.journal_bytes = static_cast<int64_t>(report.backlog.journal_bytes);
  task.held_back_ms = report.held_back_us / 1000;
  if (report.backlog.age_us) task.checkpoint_age_ms = *report.backlog.age_us / 1000;
  add_to(task.status, report);
  if (report.is_standby && task.status.state == "RUNNING") task.status.state = "STANDBY";
  task.status.lag_records = report.lag_records;
  task.status.records_failed += report.has_failed;  // counts the record at which the task stopped
}

void InformationGathering::answer_one() {
  if (--left_ == 0) finish();
}

bool InformationGathering::is_stopped(const std::string& query_id) const {
  const DefinedQueryPtr query = facts_->image->find_query(query_id);
  if (query && query->query->state == engine::DesiredState::Paused) return true;
  return parts_.supervisor.trouble_of(query_id).has_value();
}

void InformationGathering::finish() {
  for (const auto& [id, trouble] : parts_.supervisor.troubles()) {
    engine::QueryStatus& status = facts_->statuses[id];
    status.state = "ERROR";
    status.last_error = fmt::format("{}. {}", trouble.message, trouble.hint);
    ++status.records_failed;  // the error that stopped the query counts, too
  }
  for (const auto& [id, why] : parts_.supervisor.obstacles()) {
    engine::QueryStatus& status = facts_->statuses[id];
    if (status.state != "ERROR")
      status.last_error = "it cannot replace the old query yet and is tried again: " + why.message;
  }
  // A query that waits for a running query catches up by itself, so it stays RUNNING.
  for (const auto& [id, awaited] : awaited_)
    if (engine::QueryStatus& status = facts_->statuses[id];
        status.state == "RUNNING" && is_stopped(awaited))
      status.state = "waits for " + awaited;
  if (parts_.definitions.facts().has_replicated_journals())
    for (auto& [id, status] : facts_->statuses) {
      const DefinedQueryPtr query = facts_->image->find_query(id);
      if (!query || !query->journal || status.state != "RUNNING") continue;
      status.node = parts_.cluster->leader_of({storage::kReplicatedJournal, *query->journal});
      if (!status.node) status.state = "WAITING";
    }
  if (needs_.server_facts) facts_->server = parts_.server_facts();
  std::ranges::sort(facts_->tasks, {}, &engine::TaskStatus::task);
  std::ranges::sort(facts_->groups, {}, &engine::ConsumerGroup::id);
  done_(std::move(facts_));
}

}  // namespace server
