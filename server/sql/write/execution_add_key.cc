// ALTER TABLE that rewrites the rows of a table: ADD PRIMARY KEY and everything in
// engine::AlterColumns. The new rows are written to a new topic, which then replaces the topic of
// the table (docs/adr/0053).
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/plan/alter_columns.h"
#include "engine/plan/primary_key.h"
#include "engine/plan/view_target.h"
#include "engine/sql/parse.h"
#include "engine/types/ascii.h"
#include "server/sql/execution.h"
#include "server/sql/read/read_preparation.h"
#include "server/sql/write/written_rows.h"

namespace server {

namespace {

constexpr size_t kChunkBytes = 1 << 20;

//   begin ─► close to writers ─► create topic ─► check for duplicate keys ─► copy rows ─► replace definition
//
// A crash before the last step leaves a topic without a definition. The next start of the server removes this
// topic.
//
// In a cluster, a command in the metadata closes the old topic and creates the new one, and the
// statement has a transaction of its own. If the statement fails or its node dies, the transaction
// is rolled back, which opens the old topic and deletes the new one (docs/adr/0158).
class AddKeyExecution final : public SqlExecution, private sql::Receiver {
 public:
  AddKeyExecution(SqlSession& session, sql::Receiver& receiver,
                  const std::shared_ptr<const engine::ParsedStatement>& statement)
      : SqlExecution(session, receiver), statement_(session.temporary().translate(statement)) {}
  ~AddKeyExecution() override {
    if (!is_handed_over_) drop();
    if (!is_handed_over_ && transaction_) roll_back([](const Status&) {});
  }

  Status begin() {
    const auto* add = std::get_if<engine::AddPrimaryKey>(&statement_->statement);
    const auto* alter = std::get_if<engine::AlterColumns>(&statement_->statement);
    const engine::TableName& table = add ? add->table : alter->table;
    const MetadataImagePtr image = session().parts().definitions.image();
    const engine::DataSource* found = image->catalog->find_source(table.name.text);
    if (!found)
      if (auto refused = engine::refuse_view(table.name, table.position, engine::ViewChange::Alter,
                                             *image->catalog))
        return *std::move(refused);
    if (!found)
      return Error{ErrorCode::UndefinedSource, fmt::format("relation \"{}\" does not exist",
                                                           engine::display_name(table.name.text))}
          .at(table.position)
          .with_hint("SHOW TABLES lists the existing tables.");
    if (found->kind != engine::SourceKind::Table)
      return Error{ErrorCode::WrongObjectType, fmt::format("\"{}\" is a stream, not a table",
                                                           engine::display_name(table.name.text))}
          .at(table.position);
    if (session().holds(found->name))
      return Error{ErrorCode::NotSupported,
                   fmt::format("{} after INSERT in one transaction is not supported yet",
                               add ? "ADD PRIMARY KEY" : "ALTER TABLE")};
    const bool places_replicas = session().parts().definitions.facts().places_replicas();
    if (places_replicas && session().in_transaction())
      return Error{
          ErrorCode::NotSupported,
          "an ALTER TABLE that rewrites rows is not supported in a transaction of a cluster "
          "yet",
          {},
          "Run it without BEGIN, or create another table and use INSERT ... SELECT to copy "
          "the rows."};
    source_ = image->catalog->sources().at(found->name);
    TRY(session().make_buffer(source_));  // also checks that the session may write to the table
    if (add) {
      keyed_ = TRY(engine::plan_primary_key(*add, *source_, session().parts().settings.engine));
    } else {
      engine::AlteredTable altered =
          TRY(engine::plan_alter_columns(*alter, *source_, image->catalog->types));
      keyed_ = std::move(altered.table);
      values_ = std::move(altered.values);
    }
    const storage::TopicInfo* topic = image->topics->find(source_->topic);
    if (!topic)
      return Error{ErrorCode::UnknownTopic,
                   fmt::format("topic \"{}\" of {} was deleted", source_->topic, source_->name)};
    fence_ = session().parts().fence.close(topic->id);
    if (!fence_)
      return Error{ErrorCode::ObjectState,
                   fmt::format("{} is being altered already", source_->name)};
    old_topic_ = *topic;
    new_topic_ = Uuid::random();
    // The rows were read from the table, so their event times have been usable before.
    buffer_ = TRY(RowBuffer::make(keyed_, new_topic_, keyed_->partitions, EventTimes::Unchecked));
    if (places_replicas) {
      close_in_cluster();
      return {};
    }
    session().parts().log.create_partitions(
        new_topic_, keyed_->partitions, on_loop([this](Status made) { look_for_doubles(made); }));
    return {};
  }

 private:
  // The metadata's command closes the old topic at its leaders. Then the leaders are asked for the
  // ends of its partitions, which no longer move.
  void close_in_cluster() {
    transaction_ = std::make_shared<DefiningTransaction>();
    MetadataApplier::RekeyRequest request{old_topic_.id, new_topic_};
    request.begin.emplace();
    request.begin->partitions = keyed_->partitions;
    request.begin->replicas = session().parts().cluster->replicas_of(old_topic_.id);
    session().parts().definitions.submit(statement_, std::move(request),
                                         on_loop([this](const Result<DefinitionOutcome>& begun) {
                                           if (!begun) return fail(begun.error());
                                           ask_ends();
                                         }),
                                         session().asker(), transaction_);
  }
  void ask_ends() {
    constexpr int64_t kOpen_ms = 5'000;  // the longest wait for open transactions in the old topic
    std::vector<storage::TopicPartition> partitions;
    for (int32_t i = 0; i < old_topic_.partition_count; ++i)
      partitions.push_back({old_topic_.id, PartitionId(i)});
    session().parts().cluster->ask_ends(std::move(partitions), kOpen_ms,
                                        on_loop([this](Result<ClusterTopics::Ends> ends) {
                                          if (!ends) return fail(std::move(ends).error());
                                          std::ranges::sort(*ends);
                                          for (const auto& [partition, end] : *ends)
                                            old_ends_.push_back(end);
                                          begin_reading();
                                        }));
  }
  void roll_back(std::function<void(Status)> done) {
    session().parts().definitions.end(std::exchange(transaction_, nullptr),
                                      TransactionEnd::Rollback, std::move(done));
  }

  void look_for_doubles(const Status& made) {
    if (!made) return fail(made.error());
    for (int32_t i = 0; i < old_topic_.partition_count; ++i) {
      const auto status = session().parts().log.find_partition({old_topic_.id, PartitionId(i)});
      old_ends_.push_back(status ? status->readable_end() : Offset(0));
    }
    begin_reading();
  }

  void begin_reading() {
    // the key columns stay the same, so no duplicates are possible
    if (!values_.empty()) return copy();
    std::string keys;
    for (const engine::ColumnDef& column : keyed_->schema.keys())
      keys += (keys.empty() ? "" : ", ") + engine::quote_if_needed(column.name);
    key_list_ = keys;
    run(fmt::format("SELECT {} FROM {} GROUP BY {} HAVING COUNT(*) > 1 LIMIT 1", keys,
                    exact_source(), keys));
  }

  // Returns the quoted name. A bare name would read the rows of a temporary table that hides the table.
  std::string exact_source() const {
    const std::string name = engine::quote_if_needed(source_->name);
    return name.starts_with('`') ? name : fmt::format("`{}`", name);
  }

  void copy() {
    is_copying_ = true;
    std::string columns;
    for (size_t i = 0; i < keyed_->schema.columns.size(); ++i) {
      const engine::ColumnDef& column = keyed_->schema.columns[i];
      if (column.role == engine::ColumnRole::Headers) continue;
      columns += (columns.empty() ? "" : ", ") +
                 (values_.empty() ? engine::quote_if_needed(column.name) : values_[i]);
      places_.push_back(i);
    }
    run(fmt::format("SELECT {} FROM {}", columns, exact_source()));
  }

  // Starts a SELECT. The previous SELECT may be the caller of this function, so it is moved to former_ and not
  // destroyed here.
  void run(const std::string& text) {
    auto started = session().start_for_change(text, *this);
    if (!started) return fail(started.error());
    former_ = std::move(select_);
    select_ = *std::move(started);
  }

  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override {
    if (has_failed_) return;
    if (!is_copying_) {
      Error error{ErrorCode::DuplicateKey,
                  fmt::format("could not create unique index \"{}_pkey\"", source_->name)};
      error.detail = fmt::format("Two rows have the same ({}).", key_list_);
      return fail(std::move(error));
    }
    const size_t rows = end_row - first_row;
    const std::vector<int64_t> now(rows, session().parts().clock.wall_ms());
    auto written = written_columns(keyed_->schema, places_, columns, first_row, end_row);
    if (!written) return fail(std::move(written).error());
    if (const Status added =
            buffer_->add(*written, rows, now, {}, nullptr,
                         values_.empty() ? KeysOf::NewRows : KeysOf::RowsThatAreThere);
        !added)
      return fail(added.error());
    if (buffer_->size_bytes() >= kChunkBytes) send();
  }
  void on_notice(sql::Notice notice) override { receiver().on_notice(std::move(notice)); }
  void on_error(Error error) override { fail(std::move(error)); }
  void on_done(sql::Completion) override {
    if (has_failed_) return;
    // copy() is posted, because this function is called from within the SELECT that ends.
    if (!is_copying_)
      return session().shard().loop().post(weak_callback().here([this] { copy(); }));
    is_copied_ = true;
    if (buffer_->rows() > 0) send();
    define_when_stored();
  }

  void send() {
    storage::AppendRequest request;
    buffer_->take(request);
    ++in_flight_;
    append_when_room(session().parts(), std::move(request),
                     on_loop([this](Result<storage::Appended> appended) {
                       --in_flight_;
                       if (!appended) return fail(appended.error());
                       session().note_written(appended->batches);
                       define_when_stored();
                     }),
                     AppendTo::NewTopic);
  }

  void define_when_stored() {
    if (!is_copied_ || in_flight_ > 0 || has_failed_ || is_handed_over_) return;
    is_handed_over_ = true;
    if (transaction_) return define_in_cluster();
    storage::Log& log = session().parts().log;
    auto done = on_loop([this](Result<DefinitionOutcome> outcome) {
      if (!outcome) return fail(outcome.error());
      show_rows(std::move(outcome->tag));
    });
    session().parts().definitions.submit(
        statement_, MetadataApplier::RekeyRequest{old_topic_.id, new_topic_, old_ends_},
        [&log, done, fence = fence_, topic = new_topic_](Result<DefinitionOutcome> outcome) {
          if (!outcome) log.drop_topic(topic, [](const Status&) {});
          done(std::move(outcome));
        },
        session().asker(), session().defining_transaction());
  }

  // Defines the table, and commits the transaction. Both continue if the session ends.
  void define_in_cluster() {
    MetadataApplier& definitions = session().parts().definitions;
    const auto done = on_loop([this](const Result<DefinitionOutcome>& outcome) {
      if (!outcome) return fail(outcome.error());
      show_rows(outcome->tag);
    });
    const auto defined = [&definitions, done, fence = fence_,
                          transaction = transaction_](const Result<DefinitionOutcome>& outcome) {
      const auto how = outcome ? TransactionEnd::Commit : TransactionEnd::Rollback;
      definitions.end(transaction, how, [done, fence, outcome](const Status& ended) {
        done(ended || !outcome ? outcome : Result<DefinitionOutcome>(ended.error()));
      });
    };
    definitions.submit(statement_,
                       MetadataApplier::RekeyRequest{old_topic_.id, new_topic_, old_ends_}, defined,
                       session().asker(), std::exchange(transaction_, nullptr));
  }

  // Waits until the restarted query shows the table's new rows, so that later readers find them.
  void show_rows(std::string tag) {
    const MetadataImagePtr image = session().parts().definitions.image();
    const auto table = image->catalog->sources().find(keyed_->name);
    if (table == image->catalog->sources().end()) return receiver().on_done({std::move(tag)});
    auto kept = find_kept_table(*image, table->second);
    if (!kept) return receiver().on_done({std::move(tag)});
    opening_.emplace(session(), receiver(), image, std::vector<MaterializedTable>{*std::move(kept)},
                     ReadPreparation::Kind::Keys);
    // A failure is ignored: later reads wait again, and report a table that is not ready in time.
    opening_->begin([this, tag](const Status&) { receiver().on_done({tag}); });
  }

  void drop() {
    if (buffer_ && !transaction_)
      session().parts().log.drop_topic(new_topic_, [](const Status&) {});
  }
  void fail(Error error) {
    if (std::exchange(has_failed_, true)) return;
    fence_ = nullptr;
    if (!transaction_) return receiver().on_error(std::move(error));
    // The client is answered when the table accepts rows again.
    roll_back(
        on_loop([this, error = std::move(error)](const Status&) { receiver().on_error(error); }));
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  std::shared_ptr<const engine::DataSource> source_, keyed_;  // keyed_: the table after the change
  storage::TopicInfo old_topic_;
  Uuid new_topic_;
  std::vector<Offset> old_ends_;
  WriteFence::Hold fence_;
  std::unique_ptr<RowBuffer> buffer_;
  std::vector<size_t> places_;
  // Expressions for the columns of `keyed_`; if empty, the columns keep their values.
  std::vector<std::string> values_;
  std::string key_list_;
  std::unique_ptr<sql::Execution> former_, select_;
  std::optional<ReadPreparation> opening_;
  DefiningTransactionPtr transaction_;  // in a cluster, until the definition is submitted
  int in_flight_ = 0;
  bool is_copying_ = false, is_copied_ = false, has_failed_ = false, is_handed_over_ = false;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_add_key(
    SqlSession& session, sql::Receiver& receiver,
    const std::shared_ptr<const engine::ParsedStatement>& statement) {
  auto run = std::make_unique<AddKeyExecution>(session, receiver, statement);
  TRY(run->begin());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
