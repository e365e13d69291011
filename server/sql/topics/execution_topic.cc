// Executes ALTER TOPIC and ALTER CONSUMER GROUP ... RESET OFFSETS.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/functions/session_zone.h"
#include "engine/plan/topic_name.h"
#include "engine/types/zoned_texts.h"
#include "server/metadata/name_hints.h"
#include "server/net/loop.h"
#include "server/sql/execution.h"
#include "server/sql/topics/kafka_admin.h"
#include "server/sql/topics/reset_plan.h"
#include "storage/meta/topic_configs.h"

namespace server {

namespace {

constexpr size_t kMostShownMembers = 5;  // members that the error of a group with members names
constexpr int64_t kRepeatAfterMs = 100;
// A reset of offsets repeats its requests for the default of request.timeout.ms of Kafka's clients.
constexpr int64_t kRepeatForUs = 30'000'000;

class TopicExecution : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;
  void cancel() override {
    if (std::exchange(is_over_, true)) return;
    receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request",
                         "The change may still be made."});
  }

 protected:
  KafkaAdmin& admin() { return *session().parts().kafka_admin; }
  Status check_outside_transaction(std::string_view tag) const {
    if (!session().in_transaction_of_client()) return {};
    return Error{ErrorCode::ActiveTransaction,
                 fmt::format("{} cannot run inside a transaction block", tag),
                 {},
                 "Send it before BEGIN or after COMMIT: the change cannot be rolled back."};
  }
  // Returns a callback that passes a successful answer to `handle`. If the answer is an error, the statement ends,
  // unless repeats() sends the request again.
  template <class T, class F>
  KafkaAdmin::Done<T> answered(F handle) {
    return on_loop([this, handle](Result<T> answer) {
      if (is_over_) return;
      if (!answer && repeats(answer.error())) return;
      if (!answer) return fail(std::move(answer).error());
      if constexpr (std::is_void_v<T>)
        handle();
      else
        handle(*std::move(answer));
    });
  }
  void fail(Error error) {
    if (std::exchange(is_over_, true)) return;
    receiver().on_error(std::move(error));
  }
  void finish(std::string tag) {
    if (std::exchange(is_over_, true)) return;
    receiver().on_done({std::move(tag)});
  }
  bool is_over() const { return is_over_; }

 private:
  // Returns true if the request that failed with `error` will be sent again.
  virtual bool repeats(const Error&) { return false; }

  bool is_over_ = false;
};

class AlterTopicExecution final : public TopicExecution {
 public:
  AlterTopicExecution(SqlSession& session, sql::Receiver& receiver,
                      std::shared_ptr<const engine::ParsedStatement> statement)
      : TopicExecution(session, receiver), statement_(std::move(statement)) {}

  Status begin() {
    const auto& alter = std::get<engine::AlterTopic>(statement_->statement);
    const auto image = session().parts().definitions.image();
    TRY(check_outside_transaction("ALTER TOPIC"));
    const engine::VisibleNamesInUse visible(visible_to(*image->users, session().asker()));
    const auto topic = engine::topic_of_print(alter.topic, SnapshotTopics(*image->topics),
                                              session().parts().settings.engine);
    if (!topic) return Error(topic.error()).at(alter.topic_position);
    TRY(check_alter_settings(*image->users, session().asker(), topic->name));
    for (const engine::AlterTopic::Change& change : alter.changes) TRY(check_change(change));
    admin().alter_topic(topic->name, alter.changes,
                        answered<void>([this] { finish("ALTER TOPIC"); }));
    return {};
  }

 private:
  // Checks the name and the value before the change is sent, because the error of Kafka's response has no position. A
  // name that is unknown fails in RESET, too, while Kafka's request deletes it without an error.
  static Status check_change(const engine::AlterTopic::Change& change) {
    const storage::TopicConfigRow* row = storage::find_topic_config(change.name);
    const Status checked =
        row && !change.value
            ? Status()
            : storage::check_topic_config(change.name, change.value.value_or(std::string()));
    if (checked) return {};
    Error error = checked.error();
    if (!row) {
      std::vector<std::string_view> names;
      for (const storage::TopicConfigRow& each : storage::topic_configs())
        names.push_back(each.name);
      std::ranges::sort(names);
      error.hint = fmt::format("The settings are {}.", fmt::join(names, ", "));
    }
    return std::move(error).at(change.position);
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
};

// Reads the groups, then the beginnings and ends of the partitions, and for some targets the offsets at a time; then
// commits the new offsets. A step is repeated while a leader or a coordinator is being chosen or loads its groups; a
// cancelled statement repeats nothing.
class ResetExecution final : public TopicExecution {
 public:
  ResetExecution(SqlSession& session, sql::Receiver& receiver,
                 std::shared_ptr<const engine::ParsedStatement> statement)
      : TopicExecution(session, receiver),
        statement_(std::move(statement)),
        reset_(std::get<engine::ResetOffsets>(statement_->statement)),
        image_(session.parts().definitions.image()),
        repeat_until_us_(session.parts().clock.monotonic_us() + kRepeatForUs),
        timer_(session.shard().loop(), "reset of offsets", [this] {
          if (!is_over()) (this->*step_)();
        }) {}

  Status begin() {
    if (!reset_.is_dry_run) TRY(check_outside_transaction(kTag));
    if (reset_.target == engine::ResetOffsets::Target::Timestamp) TRY(read_time());
    const engine::VisibleNamesInUse visible(visible_to(*image_->users, session().asker()));
    for (const engine::ResetOffsets::Topic& topic : reset_.topics) TRY(add_topic(topic));
    begin_step(&ResetExecution::read_groups);
    return {};
  }

 private:
  static constexpr std::string_view kTag = "ALTER CONSUMER GROUP";
  using Place = KafkaAdmin::Place;
  using Step = void (ResetExecution::*)();

  void begin_step(Step step) {
    step_ = step;
    (this->*step_)();
  }
  bool repeat_later() {
    if (session().parts().clock.monotonic_us() >= repeat_until_us_) return false;
    timer_.start_once(kRepeatAfterMs);
    return true;
  }
  bool repeats(const Error& error) override {
    return error.code == ErrorCode::NotLeader && repeat_later();
  }

  void read_groups() {
    session().parts().consumer_groups(on_loop([this](const SqlParts::Groups& known) {
      if (is_over()) return;
      // A node that is still loading its groups may have the group, so the group counts as unknown.
      const auto group = find_group(known, reset_.group);
      const bool is_unknown = group && *group == nullptr && !known.incomplete.empty();
      if (is_unknown && repeat_later()) return;
      if (Status taken = take_groups(known); !taken) fail(std::move(taken).error());
    }));
  }

  Status read_time() {
    const auto time =
        engine::parse_timestamp_in(engine::session_zone(session().properties()).get(), reset_.time);
    if (!time || *time < 0)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("\"{}\" is no time of a record", reset_.time),
                   {},
                   "An example is TO TIMESTAMP '2026-01-31 09:00'."}
          .at(reset_.target_position);
    time_ms_ = *time;
    return {};
  }

  // Adds the partitions of a topic that the statement names.
  Status add_topic(const engine::ResetOffsets::Topic& named) {
    const auto found = engine::topic_of_print(named.name, SnapshotTopics(*image_->topics),
                                              session().parts().settings.engine);
    if (!found) return Error(found.error()).at(named.position);
    const int32_t count = image_->topics->find(found->name)->partition_count;
    for (const int64_t partition : named.partitions) {
      if (partition >= count)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("topic \"{}\" has no partition {}", found->name, partition),
                     fmt::format("Its partitions are 0 to {}.", count - 1)}
            .at(named.position);
      places_.insert({found->name, static_cast<int32_t>(partition)});
    }
    if (named.partitions.empty())
      for (int32_t partition = 0; partition < count; ++partition)
        places_.insert({found->name, partition});
    return {};
  }

  // Returns the group of this name; a name without quotes fits in any letter case the groups on which the user has a
  // right. Fails with UndefinedObject if it fits several groups; null if it fits none.
  Result<const engine::ConsumerGroup*> find_group(const SqlParts::Groups& known,
                                                  const engine::Name& name) const {
    const engine::ConsumerGroup* only = nullptr;
    std::vector<std::string> alike;
    for (const engine::ConsumerGroup& group : known.groups) {
      if (group.id == name.text && name.quoting != engine::Quoting::None) return &group;
      if (name.quoting != engine::Quoting::None ||
          ::strcasecmp(group.id.c_str(), name.text.c_str()) != 0 ||
          !check_group(*image_->users, session().asker(), group.id))
        continue;
      only = &group;
      alike.push_back("'" + group.id + "'");
    }
    if (alike.size() > 1)
      return Error{ErrorCode::UndefinedObject,
                   fmt::format("the name {} fits {} consumer groups", name.text, alike.size()),
                   "A name without quotes fits the names of groups in any case.",
                   fmt::format("Write the name in quotes: {}.", fmt::join(alike, " or "))};
    return only;
  }

  static Error unknown_group(const engine::Name& name, const SqlParts::Groups& known) {
    Error error{ErrorCode::UndefinedObject,
                fmt::format("consumer group \"{}\" does not exist", name.text),
                {},
                "SHOW CONSUMER GROUPS lists the groups. To set offsets before a group begins to "
                "read, write its name in quotes, and FOR TOPIC with its topics."};
    if (!known.incomplete.empty())
      error.detail = fmt::format("Node {} has not reported all of its groups.",
                                 known.incomplete.begin()->value());
    return error;
  }

  Status check_members(const engine::ConsumerGroup& group) const {
    if (group.members == 0) return {};
    std::set<std::string> names;
    for (const engine::ConsumerGroup::Partition& each : group.partitions)
      if (!each.member.empty()) names.insert(each.member);
    std::vector<std::string> shown;
    for (const std::string& name : names)
      if (shown.size() < kMostShownMembers) shown.push_back(name);
    if (names.size() > shown.size()) shown.emplace_back("...");
    return Error{ErrorCode::ObjectState,
                 fmt::format("consumer group \"{}\" has {} member{}", group.id, group.members,
                             group.members == 1 ? "" : "s"),
                 shown.empty() ? "" : fmt::format("Members: {}.", fmt::join(shown, ", ")),
                 "The offsets can be changed when all members have left the group. DRY RUN shows "
                 "the changes."}
        .at(reset_.group_position);
  }

  Status take_groups(const SqlParts::Groups& known) {
    const engine::ConsumerGroup* group = TRY(find_group(known, reset_.group));
    const bool is_new = !group && !places_.empty() && reset_.group.quoting != engine::Quoting::None;
    group_ = group ? group->id : reset_.group.text;
    TRY(check_group(*image_->users, session().asker(), group_));
    if (!group && (!is_new || !known.incomplete.empty()))
      return unknown_group(reset_.group, known).at(reset_.group_position);
    if (group) {
      if (group->protocol_type == "share")
        return Error{ErrorCode::NotSupported,
                     fmt::format("\"{}\" is a share group, which has no committed offsets", group_)}
            .at(reset_.group_position);
      if (!reset_.is_dry_run) TRY(check_members(*group));
      facts_.committed = committed_by(*group);
    }
    if (reset_.other) TRY(take_other(known));
    if (reset_.topics.empty())
      for (const auto& [place, offset] : facts_.committed) places_.insert(place);
    for (const Place& place : places_)
      TRY(check_topic(*image_->users, session().asker(), place.topic, storage::kMaySelect));
    // A topic that was deleted a moment ago may still have offsets.
    std::erase_if(places_, [this](const Place& place) {
      const storage::TopicInfo* topic = image_->topics->find(place.topic);
      return topic == nullptr || place.partition >= topic->partition_count;
    });
    if (places_.empty())
      return Error{ErrorCode::ObjectState,
                   fmt::format("consumer group \"{}\" has no committed offsets", group_),
                   {},
                   "Write FOR TOPIC and the topics whose offsets are to be set."}
          .at(reset_.group_position);
    begin_step(&ResetExecution::find_first);
    return {};
  }

  Status take_other(const SqlParts::Groups& known) {
    const engine::ConsumerGroup* other = TRY(find_group(known, *reset_.other));
    if (!other) return unknown_group(*reset_.other, known).at(reset_.target_position);
    TRY(check_group(*image_->users, session().asker(), other->id));
    facts_.other = committed_by(*other);
    return {};
  }

  std::vector<Place> places() const { return {places_.begin(), places_.end()}; }

  void find_first() {
    admin().find_offsets(places(), KafkaAdmin::kEarliest,
                         answered<KafkaAdmin::Offsets>([this](KafkaAdmin::Offsets first) {
                           facts_.first = std::move(first);
                           begin_step(&ResetExecution::find_end);
                         }));
  }
  void find_end() {
    admin().find_offsets(places(), KafkaAdmin::kLatest,
                         answered<KafkaAdmin::Offsets>([this](KafkaAdmin::Offsets end) {
                           facts_.end = std::move(end);
                           if (reset_.target == engine::ResetOffsets::Target::Timestamp)
                             begin_step(&ResetExecution::find_at_time);
                           else
                             plan_changes();
                         }));
  }
  void find_at_time() {
    admin().find_offsets(places(), time_ms_,
                         answered<KafkaAdmin::Offsets>([this](KafkaAdmin::Offsets found) {
                           facts_.at_time = std::move(found);
                           plan_changes();
                         }));
  }

  void plan_changes() {
    changes_ = plan_reset(reset_, facts_);
    if (changes_.size() < places_.size())
      receiver().on_notice(
          {sql::NoticeLevel::Notice,
           fmt::format("{} partition{} without a committed offset {} as {}",
                       places_.size() - changes_.size(),
                       places_.size() - changes_.size() == 1 ? "" : "s",
                       places_.size() - changes_.size() == 1 ? "stays" : "stay",
                       places_.size() - changes_.size() == 1 ? "it is" : "they are")});
    begin_step(&ResetExecution::commit);
  }

  void commit() {
    KafkaAdmin::Offsets offsets;
    for (const OffsetChange& change : changes_)
      if (change.now != change.then) offsets.emplace(change.place, change.then);
    if (reset_.is_dry_run || offsets.empty()) return send();
    admin().commit_offsets(group_, std::move(offsets), answered<void>([this] { send(); }));
  }

  void send() {
    const engine::InformationRows rows = rows_of(changes_);
    if (rows.rows > 0) receiver().on_rows(rows.columns, 0, rows.rows);
    finish(std::string(kTag));
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  const engine::ResetOffsets& reset_;
  const MetadataImagePtr image_;
  int64_t time_ms_ = 0;
  std::string group_;
  std::set<Place> places_;
  ResetFacts facts_;
  std::vector<OffsetChange> changes_;
  Step step_ = nullptr;
  const int64_t repeat_until_us_;
  Timer timer_;
};

template <class Run>
Result<std::unique_ptr<sql::Execution>> begun(std::unique_ptr<Run> run) {
  TRY(run->begin());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_topic_statement(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement) {
  if (!session.parts().kafka_admin)
    return Error{ErrorCode::NotSupported, "this server has no topics of Kafka clients"};
  if (std::holds_alternative<engine::AlterTopic>(statement->statement))
    return begun(std::make_unique<AlterTopicExecution>(session, receiver, std::move(statement)));
  return begun(std::make_unique<ResetExecution>(session, receiver, std::move(statement)));
}

}  // namespace server
