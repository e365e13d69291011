#include "engine/testing/memory_engine.h"

#include <absl/strings/strip.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "engine/formats/format.h"
#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/plan/insert_values.h"
#include "engine/plan/plan_json.h"
#include "engine/plan/stage_builder.h"

namespace engine {
namespace {

constexpr uint64_t kSeed = 0;
// 2024-01-01, the current time for functions that read the clock. The time must be after 1970 and constant.
constexpr int64_t kNowMs = 1'704'067'200'000;

EngineSettings ksqldb_settings() {
  EngineSettings settings;
  settings.ksqldb_compat = true;
  settings.default_value_format.clear();
  settings.lower_case_topics = false;
  return settings;
}

// Returns the initial properties of every case. The case's own properties override them.
Properties base_properties(const Properties& properties) {
  Properties base{{"auto.offset.reset", "earliest"},
                  {"cache.max.bytes.buffering", "0"},
                  {"ksql.service.id", "some.ksql.service.id"},
                  {"ksql.headers.columns.enabled", "true"}};
  for (const auto& [name, value] : properties) base[name] = value;
  return base;
}

std::vector<ColumnDef> written_values(const Schema& schema) {
  std::vector<ColumnDef> columns = schema.values();
  std::erase_if(columns, [](const ColumnDef& column) { return column.role != ColumnRole::Value; });
  return columns;
}

TopicFormat format_of(const DataSource& source) {
  return {source.key_format, source.value_format, source.schema.keys(),
          written_values(source.schema), source.window};
}

// Returns ksqlDB's name of the changelog topic for the rows of a joined table.
std::string changelog_of(const QueryPlan& plan, const StagePlan& stage, const InputStep& input) {
  const std::string& store = stage.stores[static_cast<size_t>(input.store)].name;
  return internal_topic(plan.id, plan.properties, store + "-changelog");
}

// Returns ksqlDB's topics for a joined table whose keys have schema ids. ksqlDB repartitions such a table; this
// engine does not, because one task has all partitions of the table.
std::vector<std::string> sorting_topics_of(const QueryPlan& plan, const StagePlan& stage,
                                           const InputStep& input) {
  absl::string_view store = stage.stores[static_cast<size_t>(input.store)].name;
  const bool is_foreign = std::ranges::any_of(stage.nodes, [](const PlanNode& node) {
    return std::holds_alternative<ForeignKeySubscribeStep>(node.step);
  });
  if (is_foreign || !names_schema(input.key_format) ||
      !absl::ConsumePrefix(&store, "KafkaTopic_") || !absl::ConsumeSuffix(&store, "-Reduce"))
    return {};
  std::vector<std::string> names;
  for (const std::string_view topic : {"SelectKey-repartition", "Materialize-changelog"})
    names.push_back(internal_topic(plan.id, plan.properties,
                                   fmt::format("{}SourceKeyed-{}", std::string(store), topic)));
  return names;
}

std::vector<ColumnDef> key_of(const PlanNode& join) {
  return {{join.layout.front().name, join.layout.front().type, ColumnRole::Key}};
}

// Returns the format in which ksqlDB writes the kept rows of a join: the format of the left side.
FormatSpec values_of(const QueryPlan& plan, const StagePlan& stage, const PlanNode& join) {
  const PlanNode& left = stage.nodes[static_cast<size_t>(join.from.front())];
  const auto* const input = std::get_if<InputStep>(&left.step);
  if (!input) return FormatSpec{"JSON"};
  if (input->exchange < 0) return input->value_format;
  return plan.exchanges[static_cast<size_t>(input->exchange)].value_format;
}

// Adds ksqlDB's changelog topics of the stores in joins of two streams.
template <class Add>
void add_join_stores(const QueryPlan& plan, const Add& add) {
  for (const StagePlan& stage : plan.stages) {
    for (const PlanNode& node : stage.nodes) {
      const auto* const join = std::get_if<StreamStreamJoinStep>(&node.step);
      if (!join) continue;
      for (const int store : {join->left_store, join->right_store})
        add(internal_topic(plan.id, plan.properties,
                           stage.stores[static_cast<size_t>(store)].name + "-changelog"),
            1,
            TopicFormat{
                join->key_format, values_of(plan, stage, node), key_of(node), {}, std::nullopt});
    }
  }
}

Error not_supported(std::string_view what) {
  return Error{ErrorCode::NotSupported, fmt::format("{} is not supported yet", what)};
}

// Writes the plan and reads it again. The engine runs the result, like a restarted server, so every case also proves
// that the written form of a plan is complete.
Result<QueryPlan> reread(const QueryPlan& plan) {
  const std::string written = plan_to_json(plan);
  QueryPlan again = TRY(plan_from_json(written));
  const std::string rewritten = plan_to_json(again);
  if (rewritten != written)
    return Error{ErrorCode::Internal, "the plan changes when it is written and read",
                 fmt::format("written: {}\nread:    {}", written, rewritten)};
  return again;
}

// Encodes the columns of one side.
Result<EncodedRows> encode_side(const DataSource& source, const InsertBatch& batch, Side side) {
  const auto role = side == Side::Key ? ColumnRole::Key : ColumnRole::Value;
  std::vector<ColumnDef> columns;
  std::vector<const Column*> values;
  for (size_t i = 0; i < source.schema.columns.size(); ++i) {
    if (source.schema.columns[i].role != role) continue;
    columns.push_back(source.schema.columns[i]);
    values.push_back(batch.columns[i].get());
  }
  const auto writer =
      TRY(make_writer(side == Side::Key ? source.key_format : source.value_format, columns, side));
  EncodedRows rows;
  writer->write(values, {0, batch.timestamps.size()}, nullptr, rows);
  if (rows.problems.empty()) return rows;
  return Error{ErrorCode::InvalidText, rows.problems.front().message};
}

}  // namespace

MemoryEngine::MemoryEngine(const Properties& properties, size_t cached_entries)
    : cached_entries_(cached_entries),
      settings_(ksqldb_settings()),
      properties_(base_properties(properties)),
      clock_(kNowMs),
      topics_(std::make_unique<MemoryTopics>()),
      catalog_(std::make_shared<const Catalog>()) {
  // The registry in ksqlDB's own tests does not check compatibility, so the check is switched off here.
  if (const auto changes = registry_.set_compatibility("", Compatibility::None))
    registry_.apply(*changes);
}
MemoryEngine::~MemoryEngine() = default;

void MemoryEngine::add_topic(const std::string& name, int partitions, int replicas) {
  TopicDescription topic;
  topic.name = name;
  topic.partitions = partitions;
  topic.replicas = replicas;
  topics_->add_topic(std::move(topic));
}

// Acts like a producer that first registers the schemas that it needs. A schema with an id is registered as if
// imported.
Status MemoryEngine::add_schema(const std::string& topic, Side side, const CaseSchema& schema) {
  RegisteredSchema registered{.id = schema.id, .kind = schema.kind, .text = schema.text};
  for (const CaseSchema::Reference& reference : schema.references) {
    TRY(register_schema(reference.name, {.kind = schema.kind, .text = reference.text}));
    registered.references.push_back({reference.name, reference.name, 1});
  }
  return register_schema(subject_of(topic, side), std::move(registered));
}

void MemoryEngine::add_declared_schemas(const ParsedStatement& parsed) {
  const auto* create = std::get_if<CreateSource>(&parsed.statement);
  if (!create) return;
  Registrar registrar(registry_);
  if (plan_create_source(*create, parsed, *catalog_, *topics_, settings_, properties_, &registrar))
    registry_.apply(registrar.take_changes());
}

Status MemoryEngine::register_schema(const std::string& subject, RegisteredSchema schema) {
  const auto set_mode = [&](std::optional<RegistryMode> mode) {
    if (schema.id == 0) return;
    if (const auto changes = registry_.set_mode(subject, mode)) registry_.apply(*changes);
  };
  set_mode(RegistryMode::Import);
  const auto registered = registry_.register_schema(subject, schema);
  if (!registered) return Error{ErrorCode::InvalidStatement, registered.error().message};
  registry_.apply(registered->changes);
  set_mode(std::nullopt);
  return {};
}

PlanContext MemoryEngine::plan_context() {
  return {.catalog = *catalog_,
          .topics = *topics_,
          .settings = settings_,
          .properties = properties_,
          .registrar = &*registrar_};
}

Status MemoryEngine::execute(const ParsedStatement& parsed) {
  registrar_.emplace(registry_);
  TRY(run(parsed));
  registry_.apply(registrar_->take_changes());
  return {};
}

Status MemoryEngine::run(const ParsedStatement& parsed) {
  if (const auto* create = std::get_if<CreateSource>(&parsed.statement))
    return create_source(*create, parsed);
  if (const auto* create = std::get_if<CreateAsSelect>(&parsed.statement))
    return add_query(TRY(plan_create_as(*create, parsed, plan_context())), parsed);
  if (const auto* insert = std::get_if<InsertSelect>(&parsed.statement))
    return add_query(TRY(plan_insert_select(*insert, parsed, plan_context())), parsed);
  if (const auto* insert = std::get_if<InsertValues>(&parsed.statement))
    return insert_values(*insert);
  if (const auto* drop = std::get_if<DropSource>(&parsed.statement))
    return apply(plan_drop_source(*drop, catalog_));
  if (const auto* alter = std::get_if<AlterSource>(&parsed.statement))
    return apply(plan_alter_source(*alter, catalog_));
  if (const auto* create = std::get_if<CreateType>(&parsed.statement))
    return apply(plan_create_type(*create, catalog_));
  if (const auto* drop = std::get_if<DropType>(&parsed.statement))
    return apply(plan_drop_type(*drop, catalog_));
  if (const auto* control = std::get_if<ControlQuery>(&parsed.statement))
    return apply(plan_control_query(*control, catalog_));
  if (const auto* set = std::get_if<SetProperty>(&parsed.statement)) {
    properties_[set->name] = set->value;
    return {};
  }
  if (const auto* unset = std::get_if<UnsetProperty>(&parsed.statement)) {
    properties_.erase(unset->name);
    return {};
  }
  return not_supported("this statement in a test case");
}

Status MemoryEngine::create_source(const CreateSource& create, const ParsedStatement& statement) {
  NewSource planned = TRY(plan_create_source(create, statement, *catalog_, *topics_, settings_,
                                             properties_, &*registrar_));
  if (!planned.source) return {};
  if (planned.new_topic) topics_->add_topic(*std::move(planned.new_topic));
  catalog_ = with_source(*catalog_, planned.source);
  if (!planned.source->read_only || planned.source->kind != SourceKind::Table) return {};
  PlannedQuery query =
      TRY(plan_source_table(*planned.source, fmt::format("CST_{}_{}", planned.source->name,
                                                         catalog_->next_query_number)));
  return add_query(std::move(query), statement);
}

Status MemoryEngine::add_query(PlannedQuery planned, const ParsedStatement& statement) {
  if (planned.if_not_exists_hit) return {};
  planned.plan = TRY(reread(planned.plan));
  if (planned.new_topic) topics_->add_topic(*std::move(planned.new_topic));
  auto query = std::make_shared<PersistentQuery>();
  query->id = planned.plan.id;
  query->kind = planned.plan.kind;
  query->sql = statement.text;
  query->sink = planned.sink ? planned.sink->name : "";
  query->sources = planned.plan.sources;
  query->properties = properties_;
  if (planned.sink) catalog_ = with_source(*catalog_, planned.sink);
  Catalog next = *with_query(*catalog_, query);
  ++next.next_query_number;
  catalog_ = std::make_shared<const Catalog>(std::move(next));
  if (Planned* replaced = find(query->id))
    replaced->plan = std::move(planned.plan);
  else
    queries_.push_back({std::move(planned.plan), nullptr});
  return {};
}

Status MemoryEngine::insert_values(const InsertValues& insert) {
  Random random(kSeed);
  const EvalContext evaluation{clock_, random, &properties_};
  const InsertBatch batch = TRY(plan_insert_values(insert, plan_context(), evaluation));
  const EncodedRows keys = TRY(encode_side(*batch.target, batch, Side::Key));
  const EncodedRows values = TRY(encode_side(*batch.target, batch, Side::Value));
  for (size_t row = 0; row < batch.timestamps.size(); ++row) {
    RawRecord& record = inserted_.emplace_back();
    record.topic = batch.target->topic;
    if (keys[row]) record.key = std::string(*keys[row]);
    if (values[row]) record.value = std::string(*values[row]);
    record.timestamp = batch.timestamps[row];
  }
  return {};
}

Status MemoryEngine::apply(Result<CatalogChange> change) {
  if (!change) return std::move(change).error();
  catalog_ = change->catalog;
  for (const std::string& id : change->ended_queries)
    std::erase_if(queries_, [&](const Planned& query) { return query.plan.id == id; });
  return {};
}

MemoryEngine::Planned* MemoryEngine::find(const std::string& query_id) {
  for (Planned& query : queries_)
    if (query.plan.id == query_id) return &query;
  return nullptr;
}

std::vector<RawRecord> MemoryEngine::take_inserted() { return std::exchange(inserted_, {}); }

std::vector<CaseQuery> MemoryEngine::queries() const {
  std::vector<CaseQuery> queries;
  for (const Planned& planned : queries_) {
    CaseQuery& query = queries.emplace_back();
    query.id = planned.plan.id;
    for (const std::string& topic : source_topics(planned.plan))
      query.source_topics.push_back(topic);
  }
  return queries;
}

Status MemoryEngine::feed(const std::string& query_id, std::span<const RawRecord> records,
                          std::vector<RawRecord>& written) {
  Planned* query = find(query_id);
  if (!query->running)
    query->running = TRY(MemoryQuery::make(query->plan, clock_, cached_entries_, registry_));
  return query->running->feed(records, written);
}

std::vector<KnownTopic> MemoryEngine::topics() const {
  std::vector<KnownTopic> known;
  const auto add = [&](const std::string& name, int partitions, TopicFormat format) {
    if (std::ranges::find(known, name, &KnownTopic::name) == known.end())
      known.push_back({name, partitions, std::move(format)});
  };
  for (const auto& [name, source] : catalog_->sources())
    add(source->topic, source->partitions, format_of(*source));
  for (const Planned& query : queries_)
    for (const ExchangePlan& exchange : query.plan.exchanges)
      add(exchange.topic, exchange.partitions,
          {exchange.key_format, exchange.value_format, exchange.schema.keys(),
           written_values(exchange.schema)});
  for (const Planned& query : queries_)
    for (const StagePlan& stage : query.plan.stages)
      for (const PlanNode& node : stage.nodes)
        if (const auto* input = std::get_if<InputStep>(&node.step);
            input && input->store >= 0 && !input->topic.empty()) {
          std::vector<std::string> names = sorting_topics_of(query.plan, stage, *input);
          names.push_back(changelog_of(query.plan, stage, *input));
          for (const std::string& name : names)
            add(name, topics_->find(input->topic)->partitions,
                {input->key_format, input->value_format, input->schema.keys(),
                 written_values(input->schema)});
        }
  for (const Planned& query : queries_) add_join_stores(query.plan, add);
  return known;
}

std::unique_ptr<CaseEngine> make_memory_engine(const Properties& properties,
                                               size_t cached_entries) {
  return std::make_unique<MemoryEngine>(properties, cached_entries);
}

}  // namespace engine
