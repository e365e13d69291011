#include "tests/server/pg/fake_backend.h"

#include <algorithm>
#include <optional>

#include "engine/types/text_number.h"

namespace server::pg {

using engine::Column;
using engine::ColumnPtr;
using engine::SqlType;
using engine::TypeKind;
using engine::Value;

namespace {

// The origin of a value in a row: a constant or a parameter.
struct Source {
  std::optional<int> parameter;  // number of the parameter, from 0
  Value constant;
};

struct FakePlan final : sql::Prepared {
  enum class What { Constants, People, Types, Ticks, Insert, Definition } what = What::Constants;
  std::vector<std::vector<Source>> rows;
  std::optional<int64_t> limit;
  std::string command;
  int revision = 0;
};

struct Typed {
  SqlType type;
  Source source;
};

// Reads a constant, a parameter, or a cast of one of them.
Result<Typed> read_item(const engine::Expression& item, std::vector<SqlType>& parameters,
                        SqlType wanted) {
  if (item.is<engine::NullLiteral>()) return Typed{wanted, {}};
  if (const auto* literal = item.as<engine::IntegerLiteral>())
    return Typed{TypeKind::Integer, {std::nullopt, Value::integer(literal->value)}};
  if (const auto* literal = item.as<engine::StringLiteral>())
    return Typed{TypeKind::String, {std::nullopt, Value::text(literal->value)}};
  if (const auto* cast = item.as<engine::Cast>())
    return read_item(*cast->operand, parameters, TRY(engine::resolve_type(cast->type)));
  if (const auto* parameter = item.as<engine::Parameter>()) {
    if (parameter->index < 1) return Error{ErrorCode::UndefinedObject, "there is no parameter $0"};
    const auto index = static_cast<size_t>(parameter->index - 1);
    if (parameters.size() <= index) parameters.resize(index + 1);
    SqlType& type = parameters[index];
    if (!wanted.is_null()) type = wanted;
    if (type.is_null()) type = TypeKind::String;
    return Typed{type, {static_cast<int>(index), {}}};
  }
  if (const auto* call = item.as<engine::FunctionCall>()) {
    if (call->name == "VERSION")
      return Typed{TypeKind::String, {std::nullopt, Value::text("PostgreSQL 15.0 (Millrace)")}};
    if (call->name == "DIVIDE_BY_ZERO")
      return Error{ErrorCode::DivisionByZero, "division by zero"}.at(item.position);
  }
  return Error{ErrorCode::NotSupported, "such an expression is not supported yet"}.at(
      item.position);
}

std::string column_name(const engine::SelectItem& item) {
  if (item.alias) return item.alias->text;
  return "?column?";
}

std::vector<sql::ResultColumn> columns_of_types() {
  return {{"b", TypeKind::Boolean},
          {"i", TypeKind::Integer},
          {"l", TypeKind::Bigint},
          {"d", TypeKind::Double},
          {"n", SqlType::decimal(10, 2)},
          {"s", TypeKind::String},
          {"x", TypeKind::Bytes},
          {"day", TypeKind::Date},
          {"t", TypeKind::Time},
          {"ts", TypeKind::Timestamp},
          {"a", SqlType::array(TypeKind::Integer)},
          {"m", SqlType::map(TypeKind::String, TypeKind::Integer)},
          {"nothing", TypeKind::String}};
}

std::vector<Value> row_of_types() {
  return {Value::boolean(true),
          Value::integer(-7),
          Value::bigint(9'000'000'000),
          Value::number(1.5),
          Value::decimal(1234567, 2),
          Value::text("grüße"),
          Value::text(std::string("\0\xff", 2)),
          Value::integer(19'724),            // 2024-01-02
          Value::integer(11'045'678),        // 03:04:05.678
          Value::bigint(1'704'164'645'678),  // 2024-01-02 03:04:05.678
          Value::list({Value::integer(1), Value(), Value::integer(3)}),
          Value::map({{Value::text("k"), Value::integer(1)}}),
          Value()};
}

}  // namespace

class FakeExecution final : public sql::Execution {
 public:
  FakeExecution(FakeBackend& backend, sql::Receiver& tells, std::shared_ptr<const FakePlan> runs)
      : receiver(tells), plan(std::move(runs)), backend_(backend) {
    if (plan->what == FakePlan::What::Ticks) backend_.pushes_.insert(this);
  }
  ~FakeExecution() override {
    backend_.pushes_.erase(this);
    *alive = false;
  }
  void pause() override { is_paused = true; }
  void resume() override {
    is_paused = false;
    if (next_left_ < left_.size()) send_while_there_is_room();
  }

  void send_one_by_one(std::vector<std::vector<Value>> rows) {
    left_ = std::move(rows);
    send_while_there_is_room();
  }
  void send(const std::vector<std::vector<Value>>& rows) {
    std::vector<ColumnPtr> columns;
    for (size_t i = 0; i < plan->columns.size(); ++i) {
      auto column = std::make_shared<Column>(plan->columns[i].type);
      for (const auto& row : rows) column->append_value(row[i]);
      columns.push_back(std::move(column));
    }
    receiver.on_rows(columns, 0, rows.size());
    sent += rows.size();
  }

  sql::Receiver& receiver;
  const std::shared_ptr<const FakePlan> plan;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  bool is_paused = false;
  uint64_t sent = 0;

 private:
  void send_while_there_is_room() {
    for (; next_left_ < left_.size(); ++next_left_) {
      size_t bytes = 0;
      for (const Value& value : left_[next_left_])
        if (const auto* text = std::get_if<std::string>(&value.payload())) bytes += text->size();
      if (!receiver.has_room(bytes)) return;
      send({left_[next_left_]});
    }
    receiver.on_done({"SELECT"});
  }

  FakeBackend& backend_;
  std::vector<std::vector<Value>> left_;
  size_t next_left_ = 0;
};

class FakeCopy final : public sql::CopyIn {
 public:
  ~FakeCopy() override { *alive_ = false; }
  FakeCopy(FakeBackend& backend, sql::CopyContents contents, sql::CopyReceiver& receiver)
      : backend_(backend), contents_(contents), receiver_(receiver) {
    if (contents == sql::CopyContents::Columns)
      columns = {{"id", TypeKind::Integer}, {"name", TypeKind::String}};
  }
  sql::Pace append(sql::CopyRows rows) override {
    for (size_t row = 0; row < rows.rows; ++row) {
      backend_.copied_lines.push_back(rows.lines[row]);
      if (contents_ != sql::CopyContents::Columns) {
        json_.push_back(rows.columns[0].value_at(row).as_string());
        continue;
      }
      const Value id = rows.columns[0].value_at(row), name = rows.columns[1].value_at(row);
      people_.push_back(
          {id.is_null() ? 0 : id.as_int32(), name.is_null() ? "(null)" : name.as_string()});
    }
    if (!backend_.copy_asks_to_wait) return sql::Pace::GoOn;
    backend_.held_.push_back([this, alive = alive_] {
      if (*alive) receiver_.on_copy_drained();
    });
    return sql::Pace::Wait;
  }
  void finish() override {
    backend_.people.insert(backend_.people.end(), people_.begin(), people_.end());
    backend_.copied_json.insert(backend_.copied_json.end(), json_.begin(), json_.end());
    receiver_.on_copy_done(people_.size() + json_.size());
  }
  bool is_committing() const override { return !backend_.held_.empty(); }

 private:
  FakeBackend& backend_;
  const sql::CopyContents contents_;
  sql::CopyReceiver& receiver_;
  std::vector<FakeBackend::Person> people_;
  std::vector<std::string> json_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class FakeSession final : public sql::SessionBackend {
 public:
  explicit FakeSession(FakeBackend& backend) : backend_(backend) {}

  Result<std::shared_ptr<const sql::Prepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const SqlType> parameter_types) override {
    ++backend_.analyses;
    auto plan = std::make_shared<FakePlan>();
    plan->revision = backend_.revision;
    plan->parameters.assign(parameter_types.begin(), parameter_types.end());
    if (const auto* query = std::get_if<engine::Query>(&statement->statement)) {
      TRY(plan_query(*query, *plan));
    } else if (const auto* insert = std::get_if<engine::InsertValues>(&statement->statement)) {
      TRY(plan_insert(*insert, *plan));
    } else if (std::holds_alternative<engine::CreateSource>(statement->statement)) {
      plan->what = FakePlan::What::Definition;
      plan->command = "CREATE STREAM";
    } else {
      return Error{ErrorCode::NotSupported, "such a statement is not supported yet"};
    }
    return plan;
  }

  bool is_current(const sql::Prepared& prepared) const override {
    return static_cast<const FakePlan&>(prepared).revision == backend_.revision;
  }

  bool takes_long(const engine::ParsedStatement& statement) const override {
    return statement.text.find(backend_.long_text) != std::string::npos;
  }

  std::unique_ptr<sql::Errand> run_aside(size_t, Work work, std::function<void()> done) override {
    struct FakeErrand final : sql::Errand {
      ~FakeErrand() override { *is_wanted = false; }
      std::shared_ptr<bool> is_wanted = std::make_shared<bool>(true);
    };
    if (backend_.is_full) return nullptr;
    auto errand = std::make_unique<FakeErrand>();
    auto run = [this, is_wanted = errand->is_wanted, work, done] {
      if (!*is_wanted) return;
      work(false);
      ++backend_.errands_done;
      done();
    };
    if (backend_.holds_errands)
      backend_.held_.push_back(run);
    else
      run();
    return errand;
  }

  Result<std::unique_ptr<sql::Execution>> start(
      const std::shared_ptr<const sql::Prepared>& prepared, std::vector<Value> parameters,
      sql::Receiver& receiver) override {
    auto plan = std::static_pointer_cast<const FakePlan>(prepared);
    auto execution = std::make_unique<FakeExecution>(backend_, receiver, plan);
    std::vector<std::vector<Value>> rows;
    for (const auto& sources : plan->rows) {
      rows.emplace_back();
      for (const Source& source : sources)
        rows.back().push_back(source.parameter ? parameters[static_cast<size_t>(*source.parameter)]
                                               : source.constant);
    }
    using What = FakePlan::What;
    switch (plan->what) {
      case What::Ticks:
        break;
      case What::Types:
        execution->send({row_of_types()});
        receiver.on_done({"SELECT"});
        break;
      case What::Constants:
        execution->send(rows);
        receiver.on_done({"SELECT"});
        break;
      case What::People:
        send_people(*execution);
        break;
      case What::Definition:
        receiver.on_notice({sql::NoticeLevel::Notice, "topic created"});
        reply(*execution, [&receiver, plan] { receiver.on_done({plan->command}); });
        break;
      case What::Insert:
        insert(*execution, rows);
        break;
    }
    return execution;
  }

  Result<std::unique_ptr<sql::CopyIn>> begin_copy(const sql::CopyTarget& target,
                                                  sql::CopyReceiver& receiver) override {
    if (target.source != "PEOPLE") return undefined(target.source.text, target.source_position);
    return std::make_unique<FakeCopy>(backend_, target.contents, receiver);
  }

  void begin(Begun) override { held_people_.emplace(); }
  std::unique_ptr<sql::Execution> commit(sql::Receiver& receiver) override {
    auto plan = std::make_shared<FakePlan>();
    plan->what = FakePlan::What::Definition;
    auto execution = std::make_unique<FakeExecution>(backend_, receiver, plan);
    auto people = std::move(held_people_).value_or(std::vector<FakeBackend::Person>{});
    held_people_.reset();
    reply(*execution, [this, people, &receiver] {
      ++backend_.commits;
      for (const auto& person : people)
        if (person.name == "poison")
          return receiver.on_error({ErrorCode::DiskFull, "the disk is full"});
      backend_.people.insert(backend_.people.end(), people.begin(), people.end());
      receiver.on_done({});
    });
    return execution;
  }
  void rollback() override {
    ++backend_.rollbacks;
    held_people_.reset();
  }

  Status check_setting(const std::string& name, const std::string& value) override {
    if (name == "auto.offset.reset" && value != "earliest" && value != "latest")
      return Error{ErrorCode::InvalidParameter, "bad value for auto.offset.reset"};
    return {};
  }

 private:
  static Error undefined(const std::string& name, TextPosition position) {
    return Error{ErrorCode::UndefinedSource, name + " does not exist"}.at(position);
  }

  Status plan_query(const engine::Query& query, FakePlan& plan) {
    plan.kind = sql::ResultKind::Rows;
    if (query.limit)
      if (const auto* limit = query.limit->as<engine::IntegerLiteral>()) plan.limit = limit->value;
    if (!query.from) {
      plan.rows.emplace_back();
      for (const engine::SelectItem& item : query.items) {
        if (!item.expression) return Error{ErrorCode::InvalidStatement, "SELECT * needs a FROM"};
        const Typed typed = TRY(read_item(*item.expression, plan.parameters, SqlType::null()));
        plan.columns.push_back({column_name(item), typed.type});
        plan.rows[0].push_back(typed.source);
      }
      return {};
    }
    const std::string& source = query.from->name.text;
    if (source == "PEOPLE") {
      plan.what = FakePlan::What::People;
      plan.columns = {{"id", TypeKind::Integer}, {"name", TypeKind::String}};
    } else if (source == "TYPES") {
      plan.what = FakePlan::What::Types;
      plan.columns = columns_of_types();
    } else if (source == "TICKS") {
      plan.what = FakePlan::What::Ticks;
      plan.kind = sql::ResultKind::PushRows;
      plan.columns = {{"n", TypeKind::Integer}, {"word", TypeKind::String}};
    } else {
      return undefined(source, query.from->position);
    }
    return {};
  }

  Status plan_insert(const engine::InsertValues& insert, FakePlan& plan) {
    if (insert.target != "PEOPLE") return undefined(insert.target.text, insert.target_position);
    plan.what = FakePlan::What::Insert;
    plan.kind = sql::ResultKind::Insert;
    const SqlType types[] = {TypeKind::Integer, TypeKind::String};
    for (const engine::ExpressionList& row : insert.rows) {
      plan.rows.emplace_back();
      for (size_t i = 0; i < row.size(); ++i)
        plan.rows.back().push_back(TRY(read_item(*row[i], plan.parameters, types[i % 2])).source);
    }
    return {};
  }

  void send_people(FakeExecution& execution) {
    std::vector<std::vector<Value>> rows;
    for (const auto& person : backend_.people)
      if (!execution.plan->limit || rows.size() < static_cast<size_t>(*execution.plan->limit))
        rows.push_back({Value::integer(person.id), Value::text(person.name)});
    if (backend_.asks_for_room) return execution.send_one_by_one(std::move(rows));
    execution.send(rows);
    execution.receiver.on_done({"SELECT"});
  }

  void insert(FakeExecution& execution, const std::vector<std::vector<Value>>& rows) {
    std::vector<FakeBackend::Person> people;
    for (const auto& row : rows) {
      // The planner of the real server would refuse all of these rows.
      const Error misfit{ErrorCode::TypeMismatch, "a person is (id, name)"};
      if (row.size() != 2) return execution.receiver.on_error(misfit);
      const auto* id = std::get_if<int32_t>(&row[0].payload());
      const auto* name = std::get_if<std::string>(&row[1].payload());
      if (!id || (!name && !row[1].is_null())) return execution.receiver.on_error(misfit);
      people.push_back({*id, name ? *name : "(null)"});
    }
    const sql::Completion completion{"INSERT 0", rows.size()};
    if (held_people_) {
      held_people_->insert(held_people_->end(), people.begin(), people.end());
      execution.receiver.on_done(completion);
      return;
    }
    reply(execution, [this, people, completion, &receiver = execution.receiver] {
      backend_.people.insert(backend_.people.end(), people.begin(), people.end());
      receiver.on_done(completion);
    });
  }

  void reply(FakeExecution& execution, std::function<void()> tell) {
    backend_.answer([alive = execution.alive, tell = std::move(tell)] {
      if (*alive) tell();
    });
  }

  FakeBackend& backend_;
  std::optional<std::vector<FakeBackend::Person>> held_people_;
};

Result<std::unique_ptr<sql::SessionBackend>> FakeBackend::open_session(
    const sql::SessionInfo& info, const sql::SessionSettings&) {
  last_session = info;
  if (info.database == "nowhere")
    return Error{ErrorCode::UndefinedDatabase, "database \"nowhere\" does not exist"};
  return std::make_unique<FakeSession>(*this);
}

void FakeBackend::tick() {
  const int32_t number = next_tick_++;
  for (FakeExecution* push : std::vector(pushes_.begin(), pushes_.end())) {
    if (push->is_paused) continue;
    push->send({{Value::integer(number), Value::text("tick" + std::to_string(number))}});
    if (push->plan->limit && push->sent == static_cast<uint64_t>(*push->plan->limit)) {
      pushes_.erase(push);
      push->receiver.on_done({"SELECT"});
    }
  }
}

void FakeBackend::answer(std::function<void()> reply) {
  if (holds_writes)
    held_.push_back(std::move(reply));
  else
    reply();
}

void FakeBackend::let_go() {
  for (const auto& reply : std::exchange(held_, {})) reply();
}

}  // namespace server::pg
