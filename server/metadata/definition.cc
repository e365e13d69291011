#include "server/metadata/definition.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/plan/query_plan.h"
#include "engine/sql/parse.h"

namespace server {

namespace {

using engine::CatalogPtr;
using engine::ParsedStatement;
using engine::PlannedQuery;
using engine::Properties;

// What a statement does to the catalog, before anything has an id.
struct Effect {
  CatalogPtr catalog;
  std::vector<engine::TopicDescription> new_topics;
  std::vector<std::string> dropped_topics;
  std::vector<std::string> ended_queries;
  std::optional<PlannedQuery> started;       // with a row in the catalog
  std::vector<std::string> released_tables;  // whose hidden query ends: they are changed or gone
  std::vector<std::string> notices;
  bool is_nothing = false;
};

bool starts_at_latest(const Properties& properties) {
  const auto reset = properties.find("auto.offset.reset");
  return reset != properties.end() && reset->second == "latest";
}

struct Planner {
  const MetadataImage& image;
  const engine::Topics& topics;
  const engine::EngineSettings& settings;
  const Properties& properties;
  const ParsedStatement& statement;

  engine::PlanContext context() const { return {*image.catalog, topics, settings, properties}; }

  Result<Effect> operator()(const engine::CreateSource& create) const {
    engine::NewSource planned = TRY(engine::plan_create_source(create, statement, *image.catalog,
                                                               topics, settings, properties));
    Effect effect;
    effect.notices = std::move(planned.notices);
    effect.is_nothing = planned.source == nullptr;
    if (effect.is_nothing) return effect;
    if (planned.new_topic) effect.new_topics.push_back(std::move(*planned.new_topic));
    effect.catalog = engine::with_source(*image.catalog, planned.source);
    effect.released_tables.push_back(planned.source->name);
    return effect;
  }

  Result<Effect> operator()(const engine::CreateAsSelect& create) const {
    PlannedQuery planned = TRY(engine::plan_create_as(create, statement, context()));
    Effect effect;
    effect.is_nothing = planned.if_not_exists_hit;
    if (effect.is_nothing) {
      effect.notices.push_back(fmt::format("{} already exists, skipping", create.name.text));
      return effect;
    }
    if (image.catalog->find_source(create.name.text))
      return Error{
          ErrorCode::NotSupported,
          "CREATE OR REPLACE of a stream or table that a query writes is not supported yet",
          {},
          "TERMINATE the query and DROP it, then create it anew."}
          .at(create.name_position);
    CatalogPtr catalog = engine::with_source(*image.catalog, planned.sink);
    return with_query(std::move(catalog), std::move(planned), engine::QueryKind::CreateAs);
  }

  Result<Effect> operator()(const engine::InsertSelect& insert) const {
    return with_query(image.catalog, TRY(engine::plan_insert_select(insert, statement, context())),
                      engine::QueryKind::InsertInto);
  }

  Result<Effect> operator()(const engine::DropSource& drop) const {
    Effect effect = of(TRY(engine::plan_drop_source(drop, image.catalog)));
    if (!effect.is_nothing) effect.released_tables.push_back(drop.name.text);
    return effect;
  }
  Result<Effect> operator()(const engine::AlterSource& alter) const {
    Effect effect = of(TRY(engine::plan_alter_source(alter, image.catalog)));
    effect.released_tables.push_back(alter.name.text);
    return effect;
  }
  Result<Effect> operator()(const engine::CreateType& create) const {
    return of(TRY(engine::plan_create_type(create, image.catalog)));
  }
  Result<Effect> operator()(const engine::DropType& drop) const {
    return of(TRY(engine::plan_drop_type(drop, image.catalog)));
  }
  Result<Effect> operator()(const engine::ControlQuery& control) const {
    return of(TRY(engine::plan_control_query(control, image.catalog)));
  }
  template <class Other>
  Result<Effect> operator()(const Other&) const {
    return Error{ErrorCode::NotSupported, "this statement is not supported yet"};
  }

 private:
  Effect of(engine::CatalogChange change) const {
    Effect effect;
    effect.is_nothing = change.catalog == image.catalog;
    effect.catalog = std::move(change.catalog);
    effect.ended_queries = std::move(change.ended_queries);
    if (change.dropped_topic) effect.dropped_topics.push_back(std::move(*change.dropped_topic));
    effect.notices = std::move(change.notices);
    return effect;
  }

  Status check_topics_exist(const engine::QueryPlan& plan) const {
    for (const std::string& name : plan.sources) {
      const engine::DataSource* source = image.catalog->find_source(name);
      if (source && !topics.find(source->topic))
        return Error{ErrorCode::UnknownTopic,
                     fmt::format("topic \"{}\" of {} was deleted", source->topic, name),
                     {},
                     fmt::format("DROP {} and create it anew.", name)};
    }
    return {};
  }

  Result<Effect> with_query(CatalogPtr catalog, PlannedQuery planned,
                            engine::QueryKind kind) const {
    TRY(check_topics_exist(planned.plan));
    auto query = std::make_shared<engine::PersistentQuery>();
    query->id = planned.plan.id;
    query->kind = kind;
    query->sql = statement.text;
    query->sink = planned.sink->name;
    query->sources = planned.plan.sources;
    query->properties = properties;
    auto next = std::make_shared<engine::Catalog>(*engine::with_query(*catalog, std::move(query)));
    next->next_query_number = image.catalog->next_query_number + 1;
    Effect effect;
    effect.catalog = std::move(next);
    if (planned.new_topic) effect.new_topics.push_back(*planned.new_topic);
    effect.notices.push_back(fmt::format("query {} is running, from the {} of {}", planned.plan.id,
                                         starts_at_latest(properties) ? "end" : "beginning",
                                         fmt::join(planned.plan.sources, " and ")));
    effect.started = std::move(planned);
    return effect;
  }
};

Result<Effect> effect_of(const ParsedStatement& statement, const MetadataImage& image,
                         const engine::Topics& topics, const engine::EngineSettings& settings,
                         const Properties& properties) {
  return std::visit(Planner{image, topics, settings, properties, statement}, statement.statement);
}

std::vector<std::string> input_topics(const engine::QueryPlan& plan) {
  std::vector<std::string> topics;
  for (const engine::StagePlan& stage : plan.stages)
    for (const engine::PlanNode& node : stage.nodes)
      if (const auto* input = std::get_if<engine::InputStep>(&node.step))
        if (!input->topic.empty()) topics.push_back(input->topic);
  return topics;
}

// Tables are always read from their beginning: half a table is none.
std::vector<StartPosition> latest_starts(const engine::QueryPlan& plan,
                                         const engine::Catalog& catalog,
                                         const engine::Topics& topics,
                                         const DefinitionSources& sources) {
  std::vector<StartPosition> starts;
  for (const std::string& name : plan.sources) {
    const engine::DataSource* source = catalog.find_source(name);
    const auto topic = source ? topics.find(source->topic) : std::nullopt;
    if (!topic || source->kind == engine::SourceKind::Table) continue;
    for (int32_t i = 0; i < topic->partitions; ++i)
      starts.push_back({topic->id, PartitionId(i), sources.end_of(topic->id, PartitionId(i))});
  }
  return starts;
}

std::shared_ptr<const DefinedQuery> define(std::shared_ptr<const engine::PersistentQuery> query,
                                           engine::QueryPlan plan, const DefinitionCommand& command,
                                           const storage::TopicSnapshot& topics) {
  auto defined = std::make_shared<DefinedQuery>();
  defined->query = std::move(query);
  defined->exchange_ids = command.exchange_ids;
  defined->starts = command.starts;
  std::vector<std::string> names = input_topics(plan);
  if (!plan.stages.back().output.topic.empty()) names.push_back(plan.stages.back().output.topic);
  for (const std::string& name : names)
    if (const storage::TopicInfo* topic = topics.find(name)) defined->topic_ids[name] = topic->id;
  defined->plan = std::make_shared<const engine::QueryPlan>(std::move(plan));
  return defined;
}

// The hidden query that keeps a declared table; it has no row in the catalog, so it is in nobody's
// way.
Result<std::shared_ptr<const DefinedQuery>> define_keeper(const engine::DataSource& table,
                                                          Revision revision,
                                                          const storage::TopicSnapshot& topics) {
  auto query = std::make_shared<engine::PersistentQuery>();
  query->id = fmt::format("CST_{}_{}", table.name, revision.value());
  query->kind = engine::QueryKind::SourceTable;
  query->sources = {table.name};
  PlannedQuery planned = TRY(engine::plan_source_table(table, query->id));
  return define(std::move(query), std::move(planned.plan), {}, topics);
}

void end_query(const std::string& id, MetadataImage& next, ImageChange& change) {
  const auto found = next.queries.find(id);
  if (found == next.queries.end()) return;
  change.ended.push_back(found->second);
  next.queries.erase(found);
}

// PAUSE and RESUME change the wish in the catalog's row; the plan stays.
void follow_wishes(MetadataImage& next, ImageChange& change) {
  for (auto& [id, defined] : next.queries) {
    const auto row = next.catalog->queries.find(id);
    if (row == next.catalog->queries.end() || row->second == defined->query) continue;
    const bool was_running = defined->query->state == engine::DesiredState::Running;
    const bool is_running = row->second->state == engine::DesiredState::Running;
    auto changed = std::make_shared<DefinedQuery>(*defined);
    changed->query = row->second;
    defined = std::move(changed);
    if (was_running && !is_running) change.paused.push_back(id);
    if (!was_running && is_running) change.resumed.push_back(id);
  }
}

Status apply_definition(const DefinitionCommand& command, const storage::TopicSnapshot& topics,
                        const engine::EngineSettings& settings, const MetadataImage& image,
                        MetadataImage& next, ImageChange& change) {
  const std::vector<ParsedStatement> parsed = TRY(engine::parse_script(command.sql));
  if (parsed.size() != 1)
    return Error{ErrorCode::StorageFailure,
                 "a definition in the metadata log is not one statement"};
  const SnapshotTopics known(topics);
  Effect effect = TRY(effect_of(parsed.front(), image, known, settings, command.properties));
  if (effect.is_nothing) return {};
  next.catalog = effect.catalog;
  for (const std::string& id : effect.ended_queries) end_query(id, next, change);
  for (const std::string& table : effect.released_tables) {
    const engine::DataSource* source = image.catalog->find_source(table);
    const DefinedQuery* keeper = source ? image.keeper_of(*source) : nullptr;
    if (keeper && keeper->plan->kind == engine::QueryKind::SourceTable)
      end_query(keeper->query->id, next, change);
  }
  if (effect.started) {
    const auto& query = next.catalog->queries.at(effect.started->plan.id);
    change.started.push_back(define(query, std::move(effect.started->plan), command, topics));
  }
  for (const auto& defined : change.started) next.queries[defined->query->id] = defined;
  // Every table can be asked: those that no query writes (any more) are kept by a hidden one.
  for (const auto& [name, source] : next.catalog->sources) {
    if (source->kind != engine::SourceKind::Table || next.keeper_of(*source)) continue;
    auto keeper = TRY(define_keeper(*source, next.revision, topics));
    next.queries[keeper->query->id] = keeper;
    change.started.push_back(std::move(keeper));
  }
  follow_wishes(next, change);
  return {};
}

}  // namespace

bool is_definition(const engine::Statement& statement) {
  return std::visit(
      []<class T>(const T&) {
        return std::is_same_v<T, engine::CreateSource> ||
               std::is_same_v<T, engine::CreateAsSelect> ||
               std::is_same_v<T, engine::InsertSelect> || std::is_same_v<T, engine::DropSource> ||
               std::is_same_v<T, engine::AlterSource> || std::is_same_v<T, engine::CreateType> ||
               std::is_same_v<T, engine::DropType> || std::is_same_v<T, engine::ControlQuery>;
      },
      statement);
}

Result<PlannedDefinition> plan_definition(const ParsedStatement& statement,
                                          const MetadataImage& image,
                                          const engine::EngineSettings& settings,
                                          const Properties& properties,
                                          const DefinitionSources& sources) {
  const SnapshotTopics topics(*image.topics);
  Effect effect = TRY(effect_of(statement, image, topics, settings, properties));
  PlannedDefinition planned;
  planned.tag = command_tag(statement.statement);
  planned.notices = std::move(effect.notices);
  planned.is_nothing = effect.is_nothing;
  if (effect.is_nothing) return planned;

  DefinitionCommand command{statement.text, properties, {}, {}};
  if (effect.started) {
    for (size_t i = 0; i < effect.started->plan.exchanges.size(); ++i)
      command.exchange_ids.push_back(sources.new_id());
    if (starts_at_latest(properties))
      command.starts = latest_starts(effect.started->plan, *image.catalog, topics, sources);
  }
  for (const engine::TopicDescription& topic : effect.new_topics)
    planned.command.parts.push_back(
        {std::string(storage::kTopicsPart),
         storage::encode_create_topic(
             {sources.new_id(), topic.name, topic.partitions, topic.config})});
  for (const std::string& name : effect.dropped_topics)
    if (const storage::TopicInfo* topic = image.topics->find(name))
      planned.command.parts.push_back(
          {std::string(storage::kTopicsPart), storage::encode_delete_topic(topic->id)});
  planned.command.parts.push_back({std::string(kSqlPart), encode_definition(command)});
  return planned;
}

Result<ImageChange> apply_command(const MetadataImage& image, storage::TopicTable& topics,
                                  Revision revision, const storage::MetadataCommand& command,
                                  const engine::EngineSettings& settings) {
  auto next = std::make_shared<MetadataImage>(image);
  next->revision = revision;
  for (const storage::MetadataPart& part : command.parts)
    if (part.type == storage::kTopicsPart) TRY(topics.apply(part.bytes));
  next->topics = topics.snapshot();
  ImageChange change;
  if (image.topics)
    for (const auto& [name, topic] : image.topics->by_name())
      if (!next->topics->find(topic.id)) change.dropped_topics.push_back(topic.id);
  for (const storage::MetadataPart& part : command.parts) {
    if (part.type != kSqlPart) continue;
    const DefinitionCommand definition = TRY(decode_definition(part.bytes));
    TRY(apply_definition(definition, *next->topics, settings, image, *next, change));
  }
  change.next = std::move(next);
  return change;
}

std::string command_tag(const engine::Statement& statement) {
  const auto kind = [](engine::SourceKind source) {
    return source == engine::SourceKind::Stream ? "STREAM" : "TABLE";
  };
  if (const auto* create = std::get_if<engine::CreateSource>(&statement))
    return fmt::format("CREATE {}", kind(create->kind));
  if (const auto* create = std::get_if<engine::CreateAsSelect>(&statement))
    return fmt::format("CREATE {}", kind(create->kind));
  if (const auto* drop = std::get_if<engine::DropSource>(&statement))
    return fmt::format("DROP {}", kind(drop->kind));
  if (const auto* alter = std::get_if<engine::AlterSource>(&statement))
    return fmt::format("ALTER {}", kind(alter->kind));
  if (std::holds_alternative<engine::InsertSelect>(statement)) return "INSERT QUERY";
  if (std::holds_alternative<engine::CreateType>(statement)) return "CREATE TYPE";
  if (std::holds_alternative<engine::DropType>(statement)) return "DROP TYPE";
  if (const auto* control = std::get_if<engine::ControlQuery>(&statement)) {
    switch (control->action) {
      case engine::QueryAction::Terminate:
        return "TERMINATE QUERY";
      case engine::QueryAction::Pause:
        return "PAUSE QUERY";
      case engine::QueryAction::Resume:
        return "RESUME QUERY";
    }
  }
  return "OK";
}

}  // namespace server
