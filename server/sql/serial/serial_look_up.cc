#include "server/sql/serial/serial_look_up.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/plan/serial_columns.h"
#include "engine/sql/parse.h"
#include "engine/types/ascii.h"
#include "server/metadata/rights.h"

namespace server {

bool is_empty(const storage::Log& log, const storage::TopicInfo& topic) {
  for (int32_t i = 0; i < topic.partition_count; ++i) {
    const auto status = log.find_partition({topic.id, PartitionId(i)});
    if (status && status->readable_end() > Offset(0)) return false;
  }
  return true;
}

namespace {

class AfterLookUp final : public SqlExecution {
 public:
  AfterLookUp(SqlSession& session, sql::Receiver& receiver, std::unique_ptr<SerialLookUp> look_up)
      : SqlExecution(session, receiver), look_up_(std::move(look_up)) {}

  void begin(std::shared_ptr<const SqlPrepared> prepared, std::vector<engine::Value> parameters) {
    look_up_->begin([this, prepared = std::move(prepared),
                     parameters = std::move(parameters)](const Status& found) mutable {
      if (!found) return receiver().on_error(found.error());
      auto started = session().start_part(prepared, std::move(parameters), receiver());
      if (!started) return receiver().on_error(std::move(started).error());
      running_ = *std::move(started);
      if (is_paused()) running_->pause();
    });
  }
  void cancel() override {
    if (running_) return running_->cancel();
    if (std::exchange(look_up_, nullptr))
      receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request"});
  }
  void pause() override {
    SqlExecution::pause();
    if (running_) running_->pause();
  }
  void resume() override {
    SqlExecution::resume();
    if (running_) running_->resume();
  }

 private:
  std::unique_ptr<SerialLookUp> look_up_;
  std::unique_ptr<sql::Execution> running_;
};

}  // namespace

std::unique_ptr<SerialLookUp> SerialLookUp::make(SqlSession& session, const MetadataImage& image,
                                                 const engine::DataSource& table) {
  if (std::ranges::none_of(table.schema.columns, &engine::ColumnDef::is_serial)) return nullptr;
  const storage::TopicInfo* topic = image.topics->find(table.topic);
  std::vector<size_t> unknown;
  for (size_t i = 0; topic && i < table.schema.columns.size(); ++i)
    if (table.schema.columns[i].is_serial && !session.parts().serials.knows({topic->id, i}))
      unknown.push_back(i);
  if (unknown.empty()) return nullptr;
  if (!is_empty(session.parts().log, *topic))
    return std::unique_ptr<SerialLookUp>(
        new SerialLookUp(session, topic->id, table, std::move(unknown)));
  for (const size_t column : unknown) session.parts().serials.begin({topic->id, column}, 1);
  return nullptr;
}

std::unique_ptr<SerialLookUp> SerialLookUp::make_for_calls(
    SqlSession& session, const MetadataImage& image, const SqlPrepared& prepared,
    std::span<const engine::Value> parameters) {
  // The SELECT of a look-up needs no other look-up, also not if a column is named nextval.
  if (prepared.is_for_change) return nullptr;
  std::string mentioned = engine::lower_case(prepared.statement->text);
  if (mentioned.find("nextval") == std::string::npos) return nullptr;
  for (const engine::Value& parameter : parameters)
    if (std::holds_alternative<std::string>(parameter.payload()))
      mentioned += ' ' + engine::lower_case(parameter.as_string());
  const auto contains = [&](std::string_view name) {
    return mentioned.find(engine::lower_case(name)) != std::string::npos;
  };
  // The name of a sequence contains the name of its table, unless it is too long for PostgreSQL.
  const auto is_mentioned = [&](const engine::DataSource& table, const engine::ColumnDef& column) {
    return contains(engine::display_name(table.name)) ||
           contains(engine::serial_sequence_text(table, *image.catalog, column.name));
  };
  for (const auto& each : image.catalog->sources()) {
    const engine::DataSource& table = *each.second;
    const auto is_used = [&](const engine::ColumnDef& column) {
      return column.is_serial && is_mentioned(table, column);
    };
    if (std::ranges::none_of(table.schema.columns, is_used) ||
        !check_read(*image.users, session.asker(), table) ||
        !check_insert(*image.users, session.asker(), table))
      continue;
    if (auto look_up = make(session, image, table)) return look_up;
  }
  return nullptr;
}

SerialLookUp::SerialLookUp(SqlSession& session, Uuid topic, const engine::DataSource& table,
                           std::vector<size_t> columns)
    : session_(session), topic_(topic), columns_(std::move(columns)) {
  for (const size_t column : columns_)
    text_ += fmt::format("{}MAX({})", text_.empty() ? "SELECT " : ", ",
                         engine::quote_if_needed(table.schema.columns[column].name));
  // The name is quoted, because an unquoted name could mean a temporary table that hides this table.
  const std::string name = engine::quote_if_needed(table.name);
  text_ += name.starts_with('`') ? " FROM " + name : fmt::format(" FROM `{}`", name);
}

void SerialLookUp::begin(std::function<void(Status)> done) {
  done_ = std::move(done);
  auto started = start();
  if (!started) return end(std::move(started).error());
  select_ = *std::move(started);
}

Result<std::unique_ptr<sql::Execution>> SerialLookUp::start() {
  return session_.start_for_change(text_, *this);
}

void SerialLookUp::on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    const engine::Value greatest = columns[i]->value_at(first_row);
    int64_t last = 0;
    if (!greatest.is_null())
      last = columns[i]->type().kind() == engine::TypeKind::Bigint ? greatest.as_int64()
                                                                   : greatest.as_int32();
    session_.parts().serials.begin({topic_, columns_[i]}, std::max<int64_t>(last, 0) + 1);
  }
}

void SerialLookUp::on_done(sql::Completion) { end({}); }
void SerialLookUp::on_error(Error error) { end(std::move(error)); }

// Posts the call of `done_`, so that it does not run within a call of the SELECT.
void SerialLookUp::end(Status status) {
  session_.shard().loop().post(callback_.here([this, status] {
    const auto done = std::move(done_);  // the call may destroy this object
    done(status);
  }));
}

Result<std::unique_ptr<sql::Execution>> run_after_look_up(
    SqlSession& session, sql::Receiver& receiver, std::unique_ptr<SerialLookUp> look_up,
    std::shared_ptr<const SqlPrepared> prepared, std::vector<engine::Value> parameters) {
  auto run = std::make_unique<AfterLookUp>(session, receiver, std::move(look_up));
  run->begin(std::move(prepared), std::move(parameters));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
