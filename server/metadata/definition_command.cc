#include "server/metadata/definition_command.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/log.h"
#include "engine/catalog/catalog_json.h"
#include "engine/plan/plan_json.h"
#include "server/metadata/view_text.h"

namespace engine {

template <>
struct JsonCodec<PartitionId> {
  static void write(JsonWriter& out, PartitionId id) { out.number(id.value()); }
  static bool read(const JsonValue& json, PartitionId& id) {
    int32_t number = 0;
    if (!read_json(json, number)) return false;
    id = PartitionId(number);
    return true;
  }
};
template <>
struct JsonCodec<Offset> {
  static void write(JsonWriter& out, Offset offset) { out.number(offset.value()); }
  static bool read(const JsonValue& json, Offset& offset) {
    int64_t number = 0;
    if (!json.read(number)) return false;
    offset = Offset(number);
    return true;
  }
};
template <>
struct JsonFields<server::StartPosition> {
  static constexpr auto fields =
      std::tuple(json_field("topic", &server::StartPosition::topic),
                 json_field("partition", &server::StartPosition::partition),
                 json_field("offset", &server::StartPosition::offset));
};
template <>
struct JsonFields<EngineSettings> {
  static constexpr auto fields =
      std::tuple(json_field("ksqldb_compat", &EngineSettings::ksqldb_compat),
                 json_field("num_partitions", &EngineSettings::num_partitions),
                 json_field("default_key_format", &EngineSettings::default_key_format),
                 json_field("default_value_format", &EngineSettings::default_value_format),
                 json_field("output_topic_prefix", &EngineSettings::output_topic_prefix),
                 json_field("lower_case_topics", &EngineSettings::lower_case_topics));
};

template <>
struct JsonNames<SchemaKind> {
  static constexpr std::pair<SchemaKind, std::string_view> names[] = {
      {SchemaKind::Avro, "avro"}, {SchemaKind::Json, "json"}, {SchemaKind::Protobuf, "protobuf"}};
};
template <>
struct JsonNames<Compatibility> {
  static constexpr std::pair<Compatibility, std::string_view> names[] = {
      {Compatibility::None, "none"},
      {Compatibility::Backward, "backward"},
      {Compatibility::BackwardTransitive, "backward_transitive"},
      {Compatibility::Forward, "forward"},
      {Compatibility::ForwardTransitive, "forward_transitive"},
      {Compatibility::Full, "full"},
      {Compatibility::FullTransitive, "full_transitive"}};
};
template <>
struct JsonNames<RegistryMode> {
  static constexpr std::pair<RegistryMode, std::string_view> names[] = {
      {RegistryMode::ReadWrite, "read_write"},
      {RegistryMode::ReadOnly, "read_only"},
      {RegistryMode::Import, "import"}};
};
template <>
struct JsonFields<SchemaReference> {
  static constexpr auto fields = std::tuple(json_field("name", &SchemaReference::name),
                                            json_field("subject", &SchemaReference::subject),
                                            json_field("version", &SchemaReference::version));
};
template <>
struct JsonFields<RegisteredSchema> {
  static constexpr auto fields = std::tuple(json_field("id", &RegisteredSchema::id),
                                            json_field("kind", &RegisteredSchema::kind),
                                            json_field("text", &RegisteredSchema::text),
                                            json_field("references", &RegisteredSchema::references),
                                            json_field("metadata", &RegisteredSchema::metadata),
                                            json_field("rule_set", &RegisteredSchema::rule_set));
};
template <>
struct JsonFields<SubjectVersion> {
  static constexpr auto fields = std::tuple(json_field("version", &SubjectVersion::version),
                                            json_field("id", &SubjectVersion::id),
                                            json_field("deleted", &SubjectVersion::is_deleted));
};
template <>
struct JsonFields<RegistrySubject> {
  static constexpr auto fields =
      std::tuple(json_field("versions", &RegistrySubject::versions),
                 json_field("last_version", &RegistrySubject::last_version),
                 json_field("compatibility", &RegistrySubject::compatibility),
                 json_field("mode", &RegistrySubject::mode));
};
template <>
struct JsonFields<SetRegistryDefaults> {
  static constexpr auto fields =
      std::tuple(json_field("compatibility", &SetRegistryDefaults::compatibility),
                 json_field("mode", &SetRegistryDefaults::mode));
};

}  // namespace engine

namespace server {

namespace {

using engine::JsonDocument;
using engine::JsonValue;
using engine::JsonWriter;
using engine::read_json;
using engine::read_member;
using engine::write_json;

// The versions of an encoded command, with the kinds of changes that need each of them. A command
// is written in the lowest version that it needs, so that older programs can read it. Version 1,
// which is no longer supported, contained only the text of the statement.
//   3  properties of the system
//   4  changes of the schema registry
//   5  queries that are built while older ones run
//   6  metadata and rules of schemas
//   7  names of schemas, and the inverse changes of open transactions
//   8  queries that the nodes of a cluster share; each node with an older program would run them alone
//   9  sequences
//  10  replaced queries of a cluster; an older program would attribute their commits to another query
//  11  the process of an open transaction; only clusters write it, at a feature level of their own
//  12  views and renamed relations; an older program would lose the views and look for the old names
//  13  materialized views
constexpr uint8_t kFirstVersion = 2, kVersionWithProperties = 3, kVersionWithSchemas = 4,
                  kVersionWithRebuilds = 5, kVersionWithContracts = 6, kVersionWithTransactions = 7,
                  kVersionWithJournals = 8, kVersionWithSequences = 9, kVersionWithReplaced = 10,
                  kVersionWithOwners = 11, kVersionWithViews = 12, kVersionWithKeptViews = 13;
constexpr uint8_t kDefinitionVersion = kVersionWithKeptViews;

template <class Change>
bool has(const DefinitionCommand& command) {
  return std::ranges::any_of(command.changes, [](const DefinitionChange& change) {
    return std::holds_alternative<Change>(change);
  });
}

bool has_rebuilds(const DefinitionCommand& command) {
  return std::ranges::any_of(command.changes, [](const DefinitionChange& change) {
    const auto* put = std::get_if<PutQuery>(&change);
    return put && (put->query->rebuilt_sink || put->query->stands);
  });
}

bool has_journals(const DefinitionCommand& command) {
  return std::ranges::any_of(command.changes, [](const DefinitionChange& change) {
    const auto* put = std::get_if<PutQuery>(&change);
    return put && put->query->journal;
  });
}

// Whether a schema in the command has metadata or rules in addition to its text.
bool has_contracts(const DefinitionCommand& command) {
  return std::ranges::any_of(command.changes, [](const DefinitionChange& change) {
    const auto* schemas = std::get_if<ChangeSchemas>(&change);
    const auto* put = schemas ? std::get_if<engine::PutSchema>(&schemas->change) : nullptr;
    return put && !(put->schema.metadata.empty() && put->schema.rule_set.empty());
  });
}

bool is_of_sequences(const DefinitionChange& change) {
  if (const auto* note = std::get_if<NoteUndo>(&change)) return is_of_sequences(note->undo->change);
  return std::holds_alternative<PutSequence>(change) ||
         std::holds_alternative<EraseSequence>(change) ||
         std::holds_alternative<MoveSequence>(change);
}

bool is_of_views(const DefinitionChange& change) {
  if (const auto* note = std::get_if<NoteUndo>(&change)) return is_of_views(note->undo->change);
  return std::holds_alternative<PutView>(change) || std::holds_alternative<EraseView>(change) ||
         std::holds_alternative<SetQueryNames>(change);
}

bool is_of_kept_views(const DefinitionChange& change) {
  if (const auto* note = std::get_if<NoteUndo>(&change))
    return is_of_kept_views(note->undo->change);
  const auto* put = std::get_if<PutQuery>(&change);
  return put && put->query->query->kind == engine::QueryKind::View;
}

bool has_replaced(const DefinitionCommand& command) {
  return std::ranges::any_of(command.changes, [](const DefinitionChange& change) {
    const auto* put = std::get_if<PutQuery>(&change);
    return put && put->query->planned_at > put->query->made_at;
  });
}

uint8_t version_of(const DefinitionCommand& command) {
  if (std::ranges::any_of(command.changes, is_of_kept_views)) return kVersionWithKeptViews;
  if (std::ranges::any_of(command.changes, is_of_views)) return kVersionWithViews;
  if (has<OwnTransaction>(command)) return kVersionWithOwners;
  if (has_replaced(command)) return kVersionWithReplaced;
  if (std::ranges::any_of(command.changes, is_of_sequences)) return kVersionWithSequences;
  if (has_journals(command)) return kVersionWithJournals;
  if (has<PutSchemaName>(command) || has<EraseSchemaName>(command)) return kVersionWithTransactions;
  if (has<NoteUndo>(command) || has<NoteTopic>(command) || has<EndTransaction>(command))
    return kVersionWithTransactions;
  if (has_contracts(command)) return kVersionWithContracts;
  if (has_rebuilds(command)) return kVersionWithRebuilds;
  if (has<ChangeSchemas>(command)) return kVersionWithSchemas;
  return has<SetSystemProperty>(command) ? kVersionWithProperties : kFirstVersion;
}

// ---- Writing ----

// Writes one change: {"put_query": name, "row": ...}. The name is readable even if the row is not.
class ChangeWriter {
 public:
  explicit ChangeWriter(JsonWriter& out) : out_(out) {}

  void operator()(const PutSource& put) const {
    named("put_source", put.source->name, [&] {
      out_.key("row");
      if (put.unread_row.empty())
        write_json(out_, *put.source);
      else
        out_.raw(put.unread_row);
    });
  }
  void operator()(const EraseSource& erase) const { named("erase_source", erase.name); }
  void operator()(const PutQuery& put) const {
    named("put_query", put.query->query->id, [&] {
      out_.key("row");
      if (put.query->unread_row.empty()) return write_row(*put.query);
      out_.raw(put.query->unread_row);
      out_.key("state");  // written for an unreadable query, too, since it may be paused
      write_json(out_, put.query->query->state);
    });
  }
  void operator()(const EraseQuery& erase) const { named("erase_query", erase.id); }
  void operator()(const SetQueryState& set) const {
    named("set_query_state", set.id, [&] {
      out_.key("state");
      write_json(out_, set.state);
    });
  }
  void operator()(const PutType& put) const {
    named("put_type", put.name, [&] {
      out_.key("row");
      write_json(out_, put.type);
    });
  }
  void operator()(const EraseType& erase) const { named("erase_type", erase.name); }
  void operator()(const PutSequence& put) const {
    with_row("put_sequence", put.sequence->name, *put.sequence);
  }
  void operator()(const EraseSequence& erase) const { named("erase_sequence", erase.name); }
  void operator()(const MoveSequence& move) const {
    named("move_sequence", move.name, [&] {
      out_.key("id");
      write_json(out_, move.id);
      out_.key("last_value");
      out_.number(move.last_value);
      out_.key("is_called");
      out_.boolean(move.is_called);
      out_.key("version");
      out_.number(move.version);
    });
  }
  void operator()(const PutView& put) const {
    with_row<engine::ViewDefinition>("put_view", put.view->name, *put.view);
  }
  void operator()(const EraseView& erase) const { named("erase_view", erase.name); }
  void operator()(const SetQueryNames& set) const {
    named("set_query_names", set.id, [&] {
      out_.key("sink");
      out_.text(set.sink);
      out_.key("sources");
      write_json(out_, set.sources);
    });
  }
  void operator()(const PutSchemaName& put) const { named("put_schema_name", put.name); }
  void operator()(const EraseSchemaName& erase) const { named("erase_schema_name", erase.name); }
  void operator()(const SetSystemProperty& set) const {
    named("set_system_property", set.name, [&] {
      out_.key("value");
      out_.text(set.value);
    });
  }
  void operator()(const ChangeSchemas& schemas) const { std::visit(*this, schemas.change); }
  void operator()(const engine::PutSchema& put) const { with_row("put_schema", "", put.schema); }
  void operator()(const engine::PutSubject& put) const {
    with_row("put_subject", put.name, put.subject);
  }
  void operator()(const engine::EraseSubject& erase) const { named("erase_subject", erase.name); }
  void operator()(const engine::SetRegistryDefaults& set) const {
    with_row("set_registry", "", set);
  }
  void operator()(const NoteUndo& note) const {
    out_.begin_object();
    out_.key("note_undo");
    write_json(out_, note.transaction);
    out_.key("change");
    std::visit(*this, note.undo->change);
    out_.end_object();
  }
  void operator()(const NoteTopic& note) const {
    out_.begin_object();
    out_.key("note_topic");
    write_json(out_, note.transaction);
    out_.key("made");
    out_.boolean(note.is_made);
    out_.key("id");
    write_json(out_, note.topic.id);
    out_.key("name");
    out_.text(note.topic.name);
    out_.key("partitions");
    out_.number(note.topic.partition_count);
    out_.key("config");
    write_json(out_, note.topic.config);
    out_.end_object();
  }
  void operator()(const EndTransaction& end) const {
    out_.begin_object();
    out_.key("end_transaction");
    write_json(out_, end.transaction);
    out_.end_object();
  }
  void operator()(const OwnTransaction& own) const {
    out_.begin_object();
    out_.key("own_transaction");
    write_json(out_, own.transaction);
    out_.key("node");
    out_.number(own.owner.node.value());
    out_.key("epoch");
    out_.number(own.owner.epoch.value());
    out_.end_object();
  }
  void operator()(const SetNextQueryNumber& set) const {
    named("set_next_query_number", "", [&] {
      out_.key("number");
      out_.number(set.number);
    });
  }

 private:
  void named(
      std::string_view change, std::string_view name,
      const std::function<void()>& write_more = [] {}) const {
    out_.begin_object();
    out_.key(change);
    out_.text(name);
    write_more();
    out_.end_object();
  }

  template <class Row>
  void with_row(std::string_view change, std::string_view name, const Row& row) const {
    named(change, name, [&] {
      out_.key("row");
      write_json(out_, row);
    });
  }

  void write_row(const DefinedQuery& defined) const {
    out_.begin_object();
    out_.key("query");
    write_json(out_, *defined.query);
    out_.key("exchanges");
    write_json(out_, defined.exchange_ids);
    out_.key("starts");
    write_json(out_, defined.starts);
    out_.key("topics");
    write_json(out_, defined.topic_ids);
    if (defined.rebuilt_sink) {
      out_.key("rebuilt_sink");
      write_json(out_, *defined.rebuilt_sink);
    }
    if (defined.stands) {
      out_.key("stands");
      out_.boolean(true);
      out_.key("publisher");
      out_.number(defined.publisher.value());
    }
    if (defined.journal) {
      out_.key("journal");
      out_.number(defined.journal->value());
    }
    if (defined.made_at > Revision{}) {
      out_.key("made_at");
      out_.number(defined.made_at.value());
    }
    if (defined.planned_at > defined.made_at) {
      out_.key("planned_at");
      out_.number(defined.planned_at.value());
    }
    if (defined.results_at > Revision{}) {
      out_.key("results_at");
      out_.number(defined.results_at.value());
    }
    out_.key("plan");
    out_.raw(engine::plan_to_json(*defined.plan));
    out_.end_object();
  }

  JsonWriter& out_;
};

// ---- Reading ----

// Returns a query of which only the name and the error are known.
std::shared_ptr<DefinedQuery> unreadable_query(const std::string& id, const JsonValue& row) {
  auto defined = std::make_shared<DefinedQuery>();
  auto query = std::make_shared<engine::PersistentQuery>();
  query->id = id;
  defined->query = std::move(query);
  auto plan = std::make_shared<engine::QueryPlan>();
  plan->id = id;
  defined->plan = std::move(plan);
  defined->unread_row = row.json();
  return defined;
}

bool read_rebuild(const JsonValue& row, DefinedQuery& defined) {
  if (const auto sink = row.find("rebuilt_sink")) {
    engine::DataSource read;
    if (!read_json(*sink, read)) return false;
    defined.rebuilt_sink = std::make_shared<const engine::DataSource>(std::move(read));
  }
  int64_t publisher = -1;
  if (!read_member(row, "stands", defined.stands) || !read_member(row, "publisher", publisher))
    return false;
  defined.publisher = ProducerId(publisher);
  return true;
}

bool read_place(const JsonValue& row, DefinedQuery& defined) {
  int64_t journal = -1, made_at = 0, planned_at = 0, results_at = 0;
  if (!read_member(row, "journal", journal) || !read_member(row, "made_at", made_at) ||
      !read_member(row, "planned_at", planned_at) || !read_member(row, "results_at", results_at))
    return false;
  defined.results_at = Revision(results_at);
  if (journal >= 0) defined.journal = PartitionId(static_cast<int32_t>(journal));
  defined.made_at = Revision(made_at);
  defined.planned_at = Revision(std::max(made_at, planned_at));
  return true;
}

// Reads a query. If this program cannot read the whole row, it keeps the readable parts, so that the sources that the
// query reads stay in use.
DefinedQueryPtr read_query(const std::string& id, const JsonValue& row, std::string problem) {
  auto defined = std::make_shared<DefinedQuery>();
  auto query = std::make_shared<engine::PersistentQuery>();
  const auto plan_json = row.find("plan");
  const bool is_read = read_member(row, "query", *query) &&
                       read_member(row, "exchanges", defined->exchange_ids) &&
                       read_member(row, "starts", defined->starts) &&
                       read_member(row, "topics", defined->topic_ids) &&
                       read_rebuild(row, *defined) && read_place(row, *defined);
  if (problem.empty() && (!is_read || query->id != id || !plan_json))
    problem = "the definition of the query cannot be read: " + row.take_problem();
  const bool knows_query = query->id == id;
  if (problem.empty()) {
    Result<engine::QueryPlan> plan = engine::plan_from_json(*plan_json);
    if (plan && plan->id == id && plan->exchanges.size() == defined->exchange_ids.size()) {
      defined->query = std::move(query);
      defined->plan = std::make_shared<const engine::QueryPlan>(*std::move(plan));
      return defined;
    }
    problem = plan ? "the definition of the query is inconsistent" : plan.error().message;
  }
  row.take_problem();
  std::shared_ptr<DefinedQuery> unreadable = unreadable_query(id, row);
  unreadable->unreadable = std::move(problem);
  if (knows_query) unreadable->query = std::move(query);
  unreadable->exchange_ids = std::move(defined->exchange_ids);
  unreadable->topic_ids = std::move(defined->topic_ids);
  // The place of the query's journal is read in any case, because other nodes may run the query,
  // and this node then applies their commits.
  if (!read_place(row, *unreadable)) row.take_problem();
  return unreadable;
}

PutSource read_source(const std::string& name, const JsonValue& row, const std::string& damage) {
  auto source = std::make_shared<engine::DataSource>();
  const bool is_read = damage.empty() && read_json(row, *source) && source->name == name;
  if (is_read) return {std::move(source)};
  row.take_problem();
  auto known = std::make_shared<engine::DataSource>();
  known->name = name;
  known->kind = source->kind;
  known->topic = source->topic;
  known->created_by = source->created_by;
  known->sql = source->sql;
  return {std::move(known), row.json()};
}

// Reads a change of the schema registry; returns nothing for any other change, or if it cannot be read.
std::optional<DefinitionChange> read_schema_change(const JsonValue& json, const JsonValue& row) {
  const auto read = [&](std::string_view change, auto& to) {
    return json.find(change) && read_json(row, to);
  };
  engine::PutSchema schema;
  if (read("put_schema", schema.schema)) return ChangeSchemas{std::move(schema)};
  engine::PutSubject subject;
  if (read_member(json, "put_subject", subject.name) && read("put_subject", subject.subject))
    return ChangeSchemas{std::move(subject)};
  engine::EraseSubject erased;
  if (read_member(json, "erase_subject", erased.name) && json.find("erase_subject"))
    return ChangeSchemas{std::move(erased)};
  engine::SetRegistryDefaults defaults;
  if (read("set_registry", defaults)) return ChangeSchemas{defaults};
  return std::nullopt;
}

std::optional<DefinitionChange> read_change(const JsonValue& json, const std::string& damage);

// Reads a change of an open transaction; returns nothing for any other change, or if it cannot be read.
std::optional<DefinitionChange> read_transaction_change(const JsonValue& json,
                                                        const std::string& damage) {
  if (json.find("note_undo")) {
    NoteUndo note;
    const auto undo = json.find("change");
    if (!read_member(json, "note_undo", note.transaction) || !undo) return std::nullopt;
    auto change = read_change(*undo, damage);
    if (!change) return std::nullopt;
    note.undo = std::make_shared<const UndoChange>(UndoChange{*std::move(change)});
    return note;
  }
  if (json.find("note_topic")) {
    NoteTopic note;
    if (read_member(json, "note_topic", note.transaction) &&
        read_member(json, "made", note.is_made) && read_member(json, "id", note.topic.id) &&
        read_member(json, "name", note.topic.name) &&
        read_member(json, "partitions", note.topic.partition_count) &&
        read_member(json, "config", note.topic.config))
      return note;
    return std::nullopt;
  }
  if (json.find("own_transaction")) {
    OwnTransaction own;
    int64_t node = 0, epoch = 0;
    if (!read_member(json, "own_transaction", own.transaction) ||
        !read_member(json, "node", node) || !read_member(json, "epoch", epoch))
      return std::nullopt;
    own.owner = {NodeId{static_cast<int32_t>(node)}, storage::NodeEpoch{epoch}};
    return own;
  }
  EndTransaction end;
  if (json.find("end_transaction") && read_member(json, "end_transaction", end.transaction))
    return end;
  return std::nullopt;
}

// Reads a change of a sequence; returns nothing for any other change, or if it cannot be read.
std::optional<DefinitionChange> read_sequence_change(const JsonValue& json, const JsonValue& row) {
  std::string name;
  if (json.find("put_sequence")) {
    auto sequence = std::make_shared<engine::Sequence>();
    if (!read_json(row, *sequence) || sequence->name.empty()) return std::nullopt;
    return PutSequence{std::move(sequence)};
  }
  if (json.find("erase_sequence") && read_member(json, "erase_sequence", name))
    return EraseSequence{name};
  MoveSequence move;
  if (json.find("move_sequence") && read_member(json, "move_sequence", move.name) &&
      read_member(json, "id", move.id) && read_member(json, "last_value", move.last_value) &&
      read_member(json, "is_called", move.is_called) && read_member(json, "version", move.version))
    return move;
  return std::nullopt;
}

std::optional<DefinitionChange> read_view_change(const JsonValue& json, const JsonValue& row) {
  std::string name;
  if (json.find("put_view")) {
    auto view = std::make_shared<engine::View>();
    if (!read_json(row, static_cast<engine::ViewDefinition&>(*view)) || view->name.empty())
      return std::nullopt;
    if (const Status parsed = parse_view(*view); !parsed)
      log_error("a view cannot be read name={} error=\"{}\"", view->name, view->unreadable);
    return PutView{std::move(view)};
  }
  if (read_member(json, "erase_view", name) && !name.empty()) return EraseView{name};
  SetQueryNames names;
  if (read_member(json, "set_query_names", names.id) && read_member(json, "sink", names.sink) &&
      read_member(json, "sources", names.sources))
    return names;
  return std::nullopt;
}

// Reads one change; returns nothing if this program does not know its kind.
std::optional<DefinitionChange> read_change(const JsonValue& json, const std::string& damage) {
  std::string name;
  if (json.find("note_undo") || json.find("note_topic") || json.find("own_transaction") ||
      json.find("end_transaction"))
    return read_transaction_change(json, damage);
  const JsonValue row = json.find("row").value_or(json);
  if (json.find("put_sequence") || json.find("erase_sequence") || json.find("move_sequence"))
    return read_sequence_change(json, row);
  if (json.find("put_view") || json.find("erase_view") || json.find("set_query_names"))
    return read_view_change(json, row);
  if (read_member(json, "put_source", name) && !name.empty()) return read_source(name, row, damage);
  if (read_member(json, "erase_source", name) && !name.empty()) return EraseSource{name};
  if (read_member(json, "put_query", name) && !name.empty()) {
    DefinedQueryPtr query = read_query(name, row, damage);
    engine::DesiredState state = query->query->state;
    if (!read_member(json, "state", state) || state == query->query->state) return PutQuery{query};
    auto paused = std::make_shared<engine::PersistentQuery>(*query->query);
    paused->state = state;
    auto changed = std::make_shared<DefinedQuery>(*query);
    changed->query = std::move(paused);
    return PutQuery{std::move(changed)};
  }
  if (read_member(json, "erase_query", name) && !name.empty()) return EraseQuery{name};
  if (read_member(json, "set_query_state", name) && !name.empty()) {
    SetQueryState set{name, {}};
    if (read_member(json, "state", set.state)) return set;
    return std::nullopt;
  }
  if (read_member(json, "put_type", name) && !name.empty()) {
    PutType put{name, {}};
    if (read_json(row, put.type)) return put;
    return std::nullopt;
  }
  if (read_member(json, "erase_type", name) && !name.empty()) return EraseType{name};
  if (read_member(json, "put_schema_name", name) && !name.empty()) return PutSchemaName{name};
  if (read_member(json, "erase_schema_name", name) && !name.empty()) return EraseSchemaName{name};
  if (read_member(json, "set_system_property", name) && !name.empty()) {
    SetSystemProperty set{name, {}};
    if (read_member(json, "value", set.value)) return set;
    return std::nullopt;
  }
  SetNextQueryNumber set{0};
  if (json.find("set_next_query_number") && read_member(json, "number", set.number)) return set;
  return read_schema_change(json, row);
}

Error damaged() {
  return {ErrorCode::StorageFailure, "a definition in the metadata log is damaged"};
}

}  // namespace

std::string encode_definition(const DefinitionCommand& command) {
  JsonWriter json;
  json.begin_object();
  json.key("sql");
  json.text(command.sql);
  json.key("properties");
  write_json(json, command.properties);
  json.key("settings");
  write_json(json, command.settings);
  json.key("changes");
  json.begin_array();
  for (const DefinitionChange& change : command.changes) std::visit(ChangeWriter(json), change);
  json.end_array();
  json.end_object();
  std::string out(1, static_cast<char>(version_of(command)));
  append_be(out, XXH3_64bits(json.json().data(), json.json().size()));
  out += json.json();
  return out;
}

Result<DefinitionCommand> decode_definition(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.be<uint8_t>();
  if (in.ok() && version > kDefinitionVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the data directory was written by a newer version of millrace"};
  if (in.ok() && version < kFirstVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the data directory was written by a version of millrace before its first release",
                 {},
                 "Start with an empty --data-dir, and create the streams and tables again."};
  const auto checksum = in.be<uint64_t>();
  if (!in.ok()) return damaged();
  const std::string_view text = in.rest();
  // If the text is damaged, only the names are used, and their rows are marked as unreadable.
  const std::string damage =
      checksum == XXH3_64bits(text.data(), text.size()) ? "" : damaged().message;
  const auto document = JsonDocument::parse(text);
  if (!document) return damaged();
  const JsonValue root = document->root();
  DefinitionCommand command;
  read_member(root, "sql", command.sql);
  read_member(root, "properties", command.properties);
  read_member(root, "settings", command.settings);
  root.take_problem();
  const auto changes = root.find("changes");
  const bool is_list = changes && changes->each_item([&](const JsonValue& json) {
    std::optional<DefinitionChange> change = read_change(json, damage);
    if (change) command.changes.push_back(*std::move(change));
    return change.has_value();
  });
  if (!is_list) return damaged();
  return command;
}

DefinitionCommand whole_definition(const MetadataImage& image) {
  DefinitionCommand command;
  for (const std::string& name : image.catalog->schemas)
    command.changes.push_back(PutSchemaName{name});
  for (const auto& [name, type] : image.catalog->types)
    command.changes.push_back(PutType{name, type});
  for (const auto& [name, sequence] : image.catalog->sequences)
    command.changes.push_back(PutSequence{sequence});
  for (const auto& [name, source] : image.catalog->sources()) {
    const std::string* unread = image.unread_sources.get(name);
    command.changes.push_back(PutSource{source, unread ? *unread : std::string()});
  }
  for (const auto& [name, view] : image.catalog->views) command.changes.push_back(PutView{view});
  for (const auto& [id, query] : image.queries()) command.changes.push_back(PutQuery{query});
  for (const auto& [name, value] : image.catalog->system_properties)
    command.changes.push_back(SetSystemProperty{name, value});
  command.changes.push_back(SetNextQueryNumber{image.catalog->next_query_number});
  for (const auto& [transaction, open] : image.open_definitions) {
    if (open->owner) command.changes.push_back(OwnTransaction{transaction, *open->owner});
    for (const auto& undo : open->undo) command.changes.push_back(NoteUndo{transaction, undo});
    for (const storage::TopicInfo& topic : open->made_topics)
      command.changes.push_back(NoteTopic{transaction, true, topic});
    for (const storage::TopicInfo& topic : open->dropped_topics)
      command.changes.push_back(NoteTopic{transaction, false, topic});
  }
  if (!image.schemas->is_new())
    for (engine::RegistryChange& change : image.schemas->snapshot())
      command.changes.push_back(ChangeSchemas{std::move(change)});
  return command;
}

}  // namespace server
