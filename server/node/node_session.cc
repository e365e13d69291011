#include "server/node/node_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/plan/insert_values.h"
#include "engine/plan/query_plan.h"
#include "engine/query/pull.h"
#include "server/node/copy_in.h"
#include "server/node/execution.h"
#include "server/node/information.h"

namespace server {

namespace {

using Action = NodePrepared::Action;

bool is_upper(const std::string& name) {
  return std::ranges::none_of(name, [](unsigned char c) { return std::islower(c); });
}

// A planned statement's source, if it asks a stream without EMIT: everything that it holds now.
bool asks_stream(const engine::Query& query, const engine::PlanContext& context) {
  const engine::DataSource* source =
      query.from ? engine::find_source(query.from->name, context) : nullptr;
  return source && source->kind == engine::SourceKind::Stream;
}

std::vector<engine::ParameterSlot> slots_of(std::span<const engine::SqlType> types) {
  std::vector<engine::ParameterSlot> slots;
  for (const engine::SqlType& type : types) slots.push_back({type, {}});
  return slots;
}

}  // namespace

std::string display_name(const std::string& name) {
  if (!is_upper(name)) return name;
  std::string lower = name;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::vector<pg::ResultColumn> display_columns(const engine::Schema& schema) {
  std::vector<pg::ResultColumn> columns;
  for (const engine::ColumnDef& column : schema.columns)
    columns.push_back({display_name(column.name), column.type});
  return columns;
}

Result<std::unique_ptr<pg::SessionBackend>> NodeBackend::open_session(
    const pg::SessionInfo&, const pg::SessionSettings& settings) {
  return std::unique_ptr<pg::SessionBackend>(
      std::make_unique<NodeSession>(parts_, shard_, settings));
}

NodeSession::NodeSession(NodeParts& parts, Shard& shard, const pg::SessionSettings& settings)
    : parts_(parts),
      shard_(shard),
      settings_(settings),
      random_(static_cast<uint64_t>(parts.clock.monotonic_us())) {}

NodeSession::~NodeSession() = default;

engine::Properties NodeSession::properties() const {
  engine::Properties properties = settings_.properties();
  // How rows are shown to this client is nobody else's affair.
  std::erase_if(properties, [](const auto& entry) { return entry.first.starts_with("push."); });
  return properties;
}

int64_t NodeSession::setting_ms(const std::string& name, int64_t otherwise) const {
  return settings_.get(name) ? settings_.get_ms(name) : otherwise;
}

Status NodeSession::check_setting(const std::string& name, const std::string& value) {
  if (name == "auto.offset.reset" && value != "earliest" && value != "latest")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("invalid value for auto.offset.reset: \"{}\"", value),
                 {},
                 "It is earliest or latest."};
  return {};
}

engine::PlanContext NodeSession::context_for(const World& world, const engine::Topics& topics,
                                             std::vector<engine::ParameterSlot>* parameters) {
  properties_ = properties();
  return {*world.catalog, topics, parts_.settings.engine, properties_, parameters, true};
}

Result<std::shared_ptr<const pg::Prepared>> NodeSession::prepare(
    std::shared_ptr<const engine::ParsedStatement> statement,
    std::span<const engine::SqlType> parameter_types) {
  const WorldPtr world = parts_.definitions.world();
  const SnapshotTopics topics(*world->topics);
  auto prepared = std::make_shared<NodePrepared>();
  prepared->statement = statement;
  prepared->revision = world->revision;
  if (is_definition(statement->statement)) {
    prepared->kind = pg::ResultKind::None;
    return std::shared_ptr<const pg::Prepared>(std::move(prepared));
  }
  if (is_information_statement(statement->statement)) {
    prepared->kind = pg::ResultKind::Rows;
    prepared->action = Action::Information;
    prepared->columns = display_columns(information_schema(statement->statement));
    return std::shared_ptr<const pg::Prepared>(std::move(prepared));
  }
  std::vector<engine::ParameterSlot> slots = slots_of(parameter_types);
  slots.resize(
      std::max<size_t>(slots.size(), static_cast<size_t>(engine::parameter_count(*statement))));
  if (const auto* insert = std::get_if<engine::InsertValues>(&statement->statement)) {
    for (const engine::ParameterSlot& slot : slots) prepared->parameters.push_back(slot.type);
    TRY(prepare_insert(*insert, *world, *prepared));
    return std::shared_ptr<const pg::Prepared>(std::move(prepared));
  }
  if (const auto* query = std::get_if<engine::Query>(&statement->statement)) {
    TRY(prepare_query(*query, context_for(*world, topics, &slots), *prepared));
    for (const engine::ParameterSlot& slot : slots)
      prepared->parameters.push_back(slot.type.is_null() ? engine::SqlType(engine::TypeKind::String)
                                                         : slot.type);
    return std::shared_ptr<const pg::Prepared>(std::move(prepared));
  }
  return Error{ErrorCode::NotSupported, "this statement is not supported yet"}.at(statement->start);
}

Status NodeSession::prepare_query(const engine::Query& query, const engine::PlanContext& context,
                                  NodePrepared& out) {
  out.kind = query.emit == engine::Emit::None ? pg::ResultKind::Rows : pg::ResultKind::PushRows;
  if (!query.from) {
    out.action = Action::Constant;
    out.columns = display_columns(TRY(engine::plan_constant_query(query, context)).result);
  } else if (query.emit != engine::Emit::None || asks_stream(query, context)) {
    out.action = query.emit != engine::Emit::None ? Action::Push : Action::StreamToEnd;
    if (out.action == Action::StreamToEnd) TRY(engine::check_pull_clauses(query));
    out.columns = display_columns(TRY(engine::plan_push_query(query, context)).result);
  } else {
    out.action = Action::Pull;
    auto plan = std::make_shared<const engine::PullPlan>(
        TRY(engine::plan_pull_query(query, context, eval())));
    out.columns = display_columns(plan->result);
    out.properties = context.properties;
    if (context.parameters->empty() && engine::is_repeatable(*plan)) out.pull = std::move(plan);
  }
  return {};
}

Result<std::shared_ptr<const engine::PullPlan>> NodeSession::pull_plan(
    const NodePrepared& prepared, const engine::Query& query, const World& world,
    const engine::PlanContext& context) {
  if (prepared.pull && prepared.revision == world.revision &&
      prepared.properties == context.properties)
    return prepared.pull;
  return std::make_shared<const engine::PullPlan>(
      TRY(engine::plan_pull_query(query, context, eval())));
}

// A parameter that is a value by itself has its column's type.
Status NodeSession::prepare_insert(const engine::InsertValues& insert, const World& world,
                                   NodePrepared& out) const {
  out.kind = pg::ResultKind::Insert;
  out.action = Action::Insert;
  const engine::DataSource* target = world.catalog->find_source(insert.target.text);
  if (target) {
    std::vector<engine::SqlType> types;
    for (const engine::ColumnDef& column : target->schema.columns)
      if (insert.columns.empty() && column.role != engine::ColumnRole::Headers)
        types.push_back(column.type);
    for (const engine::InsertColumn& column : insert.columns) {
      const int index = target->schema.index_of(column.name.text);
      types.push_back(index >= 0 ? target->schema.columns[static_cast<size_t>(index)].type
                                 : engine::SqlType(engine::TypeKind::Bigint));
    }
    for (const engine::ExpressionList& row : insert.rows)
      for (size_t i = 0; i < row.size() && i < types.size(); ++i)
        if (const auto* parameter = row[i]->as<engine::Parameter>())
          if (out.parameters[static_cast<size_t>(parameter->index) - 1].is_null())
            out.parameters[static_cast<size_t>(parameter->index) - 1] = types[i];
  }
  for (engine::SqlType& type : out.parameters)
    if (type.is_null()) type = engine::TypeKind::String;
  return {};
}

Result<std::unique_ptr<pg::Execution>> NodeSession::start(
    const std::shared_ptr<const pg::Prepared>& any, std::vector<engine::Value> parameters,
    pg::Receiver& receiver) {
  const auto prepared = std::static_pointer_cast<const NodePrepared>(any);
  const engine::ParsedStatement& statement = *prepared->statement;
  const WorldPtr world = parts_.definitions.world();
  const SnapshotTopics topics(*world->topics);
  std::vector<engine::ParameterSlot> slots = slots_of(prepared->parameters);
  for (size_t i = 0; i < slots.size() && i < parameters.size(); ++i)
    slots[i].value = std::move(parameters[i]);
  const engine::PlanContext context = context_for(*world, topics, &slots);
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  switch (prepared->action) {
    case Action::Define:
      return run_definition(*this, receiver, prepared->statement);
    case Action::Information:
      return run_information(*this, receiver, prepared->statement, world);
    case Action::Insert: {
      engine::InsertBatch rows = TRY(engine::plan_insert_values(
          std::get<engine::InsertValues>(statement.statement), context, eval()));
      const size_t count = rows.timestamps.size();
      if (in_transaction_) {
        RowBuffer* buffer = TRY(held_rows(rows.target));
        TRY(buffer->add(rows.columns, count, rows.timestamps));
        return run_append(*this, receiver, {}, "INSERT 0", count);
      }
      const std::unique_ptr<RowBuffer> buffer = TRY(make_buffer(rows.target));
      TRY(buffer->add(rows.columns, count, rows.timestamps));
      storage::AppendRequest request;
      buffer->take(request);
      return run_append(*this, receiver, std::move(request), "INSERT 0", count);
    }
    case Action::Constant: {
      const engine::ConstantPlan plan = TRY(engine::plan_constant_query(*query, context));
      std::vector<engine::ColumnPtr> columns;
      for (engine::Evaluated& result : engine::Program(plan.columns).run({}, 1, eval())) {
        if (!result.errors.messages().empty())
          return Error{ErrorCode::InvalidText, result.errors.messages().front().text};
        columns.push_back(std::move(result.column));
      }
      return run_rows(*this, receiver, std::move(columns), 1);
    }
    case Action::Pull:
      return run_pull(*this, receiver, TRY(pull_plan(*prepared, *query, *world, context)), world);
    case Action::StreamToEnd:
      return run_transient(*this, receiver, TRY(engine::plan_push_query(*query, context)), world,
                           TransientEnd::AtPresentEnd);
    case Action::Push:
      return run_transient(*this, receiver, TRY(engine::plan_push_query(*query, context)), world,
                           TransientEnd::Never);
  }
  return Error{ErrorCode::Internal, "a statement of no known kind"};
}

void NodeSession::note_written(const std::vector<storage::AppendedBatch>& batches) {
  for (const storage::AppendedBatch& batch : batches) {
    Offset& end = written_[to_engine(batch.partition)];
    end = std::max(end, batch.last_offset + 1);
  }
}

Result<std::unique_ptr<RowBuffer>> NodeSession::make_buffer(
    const std::shared_ptr<const engine::DataSource>& source) const {
  const WorldPtr world = parts_.definitions.world();
  const storage::TopicInfo* topic = world->topics->find(source->topic);
  if (!topic)
    return Error{ErrorCode::UnknownTopic,
                 fmt::format("topic \"{}\" of {} was deleted", source->topic, source->name)};
  return RowBuffer::make(source, topic->id, topic->partition_count);
}

Result<RowBuffer*> NodeSession::held_rows(const std::shared_ptr<const engine::DataSource>& source) {
  std::unique_ptr<RowBuffer>& buffer = held_[source->name];
  if (!buffer) buffer = TRY(make_buffer(source));
  return buffer.get();
}

void NodeSession::begin() { in_transaction_ = true; }

std::unique_ptr<pg::Execution> NodeSession::commit(pg::Receiver& receiver) {
  in_transaction_ = false;
  storage::AppendRequest request;
  for (auto& [name, buffer] : held_) buffer->take(request);
  held_.clear();
  return run_append(*this, receiver, std::move(request), "COMMIT", std::nullopt);
}

void NodeSession::rollback() {
  in_transaction_ = false;
  held_.clear();
}

Result<std::unique_ptr<pg::CopyIn>> NodeSession::begin_copy(const pg::CopyTarget& target,
                                                            pg::CopyReceiver& receiver) {
  return start_copy(*this, *parts_.definitions.world(), target, receiver);
}

}  // namespace server
