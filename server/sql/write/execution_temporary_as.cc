// CREATE TEMP TABLE ... AS: a table of the session that is filled once. Runs the two statements that a user would write
// otherwise: CREATE TEMP TABLE name (columns), and INSERT INTO name SELECT.
#include <fmt/format.h>

#include <utility>

#include "engine/expr/assigned.h"
#include "engine/sql/reads_table.h"
#include "engine/types/ascii.h"
#include "server/sql/execution.h"

namespace server {

namespace {

class TemporaryAsExecution final : public SqlExecution, private sql::Receiver {
 public:
  TemporaryAsExecution(SqlSession& session, sql::Receiver& receiver,
                       std::shared_ptr<const engine::ParsedStatement> statement)
      : SqlExecution(session, receiver), statement_(std::move(statement)) {}

  Status begin() {
    const auto& create = std::get<engine::CreateAsSelect>(statement_->statement);
    if (create.or_replace || !create.properties.empty())
      return Error{ErrorCode::NotSupported,
                   "OR REPLACE and WITH of CREATE TEMP TABLE ... AS are not supported yet",
                   {},
                   "A temporary table has a topic of its own. DROP TABLE removes it."}
          .at(create.name_position);
    const auto planner = session().planner();
    const auto select = TRY(planner->prepare(statement_with(clone(create.query)), {}));
    const auto defined = TRY(planner->prepare(statement_with(definition(*select)), {}));
    name_ = std::get<engine::CreateSource>(defined->statement->statement).name;
    if (session().temporary().names().contains(name_.text)) return end_with_existing(create);
    TRY(check_reads_another(*planner->image(), create));
    defining_ = TRY(session().start_part(defined, {}, *this));
    return {};
  }

  void pause() override {
    SqlExecution::pause();
    if (filling_) filling_->pause();
  }
  void resume() override {
    SqlExecution::resume();
    if (filling_) filling_->resume();
  }
  // A definition cannot be cancelled half-way. After it has ended, the statement ends without writing rows.
  void cancel() override {
    is_cancelled_ = true;
    if (filling_ && phase_ == Phase::Fill) filling_->cancel();
  }

 private:
  enum class Phase : uint8_t { Define, Fill, Drop };

  std::shared_ptr<const engine::ParsedStatement> statement_with(engine::Statement part) const {
    auto statement = std::make_shared<engine::ParsedStatement>();
    statement->text = statement_->text;
    statement->start = statement_->start;
    statement->statement = std::move(part);
    return statement;
  }

  engine::CreateSource definition(const sql::Prepared& select) const {
    const auto& create = std::get<engine::CreateAsSelect>(statement_->statement);
    engine::CreateSource table;
    table.kind = engine::SourceKind::Table;
    table.name = create.name;
    table.name_position = create.name_position;
    table.is_postgres = table.is_temporary = true;
    for (const sql::ResultColumn& column : select.columns) {
      engine::TableElement element;
      element.name = {column.name, engine::Quoting::Double};
      // A column of NULL without a type is TEXT in PostgreSQL.
      element.type = engine::type_name_of(
          column.type.is_null() ? engine::SqlType(engine::TypeKind::String) : column.type);
      element.position = create.name_position;
      table.elements.push_back(std::move(element));
    }
    return table;
  }

  Status end_with_existing(const engine::CreateAsSelect& create) {
    const std::string text =
        fmt::format("relation \"{}\" already exists", engine::display_name(name_.text));
    if (!create.if_not_exists)
      return Error{ErrorCode::DuplicateSource, text}.at(create.name_position);
    receiver().on_notice({sql::NoticeLevel::Notice, text + ", skipping"});
    receiver().on_done({"CREATE TABLE AS"});
    return {};
  }

  // Fails if the SELECT reads a relation with the name of the new table: the new table would hide
  // it, and the SELECT would read the new, empty table.
  Status check_reads_another(const MetadataImage& image,
                             const engine::CreateAsSelect& create) const {
    const engine::Catalog& catalog = *image.catalog;
    if (!catalog.find_source(name_.text) && !catalog.views.get(name_.text)) return {};
    if (!engine::reads_table(create.query, name_)) return {};
    const std::string shown = engine::display_name(name_.text);
    return Error{ErrorCode::NotSupported,
                 fmt::format("CREATE TEMP TABLE \"{0}\" AS with \"{0}\" in its SELECT is not "
                             "supported yet",
                             shown),
                 "A relation of this name exists, which the temporary table would hide.",
                 "Give the temporary table another name."}
        .at(create.name_position);
  }

  void fill() {
    const auto& create = std::get<engine::CreateAsSelect>(statement_->statement);
    engine::InsertSelect insert;
    insert.target = name_;
    insert.target_position = create.name_position;
    insert.query = clone(create.query);
    phase_ = Phase::Fill;
    if (is_cancelled_)
      return on_error({ErrorCode::QueryCanceled, "canceling statement due to user request"});
    start(statement_with(std::move(insert)), filling_);
    if (filling_ && is_paused()) filling_->pause();
  }

  void start(const std::shared_ptr<const engine::ParsedStatement>& statement,
             std::unique_ptr<sql::Execution>& running) {
    auto prepared = session().planner()->prepare(statement, {});
    if (!prepared) return on_error(std::move(prepared).error());
    auto started = session().start_part(*prepared, {}, *this);
    if (!started) return on_error(std::move(started).error());
    running = *std::move(started);
  }

  void on_rows(std::span<const engine::ColumnPtr>, size_t, size_t) override {}
  void on_notice(sql::Notice notice) override {
    if (phase_ != Phase::Drop) receiver().on_notice(std::move(notice));
  }
  void on_done(sql::Completion completion) override {
    // The work is posted to the loop, because this function is called from within the execution that ends, and must
    // not destroy it.
    if (phase_ == Phase::Define)
      return session().shard().loop().post(weak_callback().here([this] { fill(); }));
    if (phase_ == Phase::Fill) return receiver().on_done({"SELECT", completion.row_count});
    receiver().on_error(std::move(error_));
  }
  // No DROP is needed in a transaction: ROLLBACK drops the table.
  void on_error(Error error) override {
    if (phase_ == Phase::Drop) return receiver().on_error(std::move(error_));
    error_ = std::move(error);
    if (phase_ == Phase::Define || session().in_transaction())
      return receiver().on_error(std::move(error_));
    phase_ = Phase::Drop;
    engine::DropSource drop{engine::SourceKind::Table, true, false, name_, {}};
    start(statement_with(std::move(drop)), dropping_);
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  engine::Name name_;
  Phase phase_ = Phase::Define;
  bool is_cancelled_ = false;
  Error error_;
  std::unique_ptr<sql::Execution> defining_, filling_, dropping_;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_temporary_as(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement) {
  auto run = std::make_unique<TemporaryAsExecution>(session, receiver, statement);
  TRY(run->begin());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
