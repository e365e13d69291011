#include "server/sql/write/copy_in.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog/system_sources.h"
#include "engine/catalog/visible_names.h"
#include "engine/formats/json/json_reader.h"
#include "engine/plan/insert_values.h"
#include "engine/plan/view_target.h"
#include "engine/types/ascii.h"
#include "server/metadata/name_hints.h"
#include "server/sql/execution.h"
#include "server/sql/serial/sequence_advance.h"
#include "server/sql/serial/serial_look_up.h"

namespace server {

namespace {

using engine::ColumnRole;

// Finds a column by its name as typed. A name in double quotes also finds the column whose name is
// the same text in upper case.
int find_column(const engine::DataSource& source, const engine::Name& name) {
  const int index = source.schema.index_of(name.text);
  if (index >= 0 || name.quoting != engine::Quoting::Double) return index;
  std::string upper = name.text;
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return source.schema.index_of(upper);
}

class NodeCopy final : public sql::CopyIn {
 public:
  NodeCopy(SqlSession& session, std::shared_ptr<const engine::DataSource> source,
           sql::CopyReceiver& receiver)
      : session_(session), source_(std::move(source)), receiver_(receiver) {}

  const engine::DataSource& source() const { return *source_; }

  Status prepare(const sql::CopyTarget& target) {
    contents_ = target.contents;
    if (contents_ != sql::CopyContents::Columns) {
      if (!target.columns.empty())
        return Error{ErrorCode::NotSupported,
                     "a column list with FORMAT json is not supported yet",
                     {},
                     "Each object names its columns itself."};
      std::vector<engine::ColumnDef> fields;
      for (size_t i = 0; i < source_->schema.columns.size(); ++i) {
        if (!engine::is_written(source_->schema.columns[i])) continue;
        fields.push_back(source_->schema.columns[i]);
        fields.back().role = ColumnRole::Value;
        places_.push_back(i);
      }
      json_ = engine::make_json_reader(
          fields, std::vector<bool>(fields.size(), true), true, engine::JsonTimes::Iso,
          contents_ == sql::CopyContents::TypedJsonObjects ? engine::JsonStrings::AreTexts
                                                           : engine::JsonStrings::MayBeNumbers);
    } else {
      TRY(place_columns(target));
    }
    left_out_.emplace(TRY(session_.planner()->left_out(source_)));
    for (const LeftOutColumns::Wanted& wanted : left_out_->wanted_numbers(places_))
      numbers_.push_back({wanted.column, wanted.sequence, {}});
    if (session_.in_transaction())
      held_ = TRY(session_.held_rows(source_));
    else
      own_ = TRY(session_.make_buffer(source_));
    return {};
  }

  void await(std::unique_ptr<SerialLookUp> look_up) {
    look_up_ = std::move(look_up);
    look_up_->begin([this](const Status& found) {
      look_up_ = nullptr;
      if (!found) return fail(found.error());
      go_on();
    });
  }

  sql::Pace append(sql::CopyRows rows) override {
    if (has_failed_) return sql::Pace::GoOn;
    if (awaits_something()) {
      waiting_.push_back(std::move(rows));
      return sql::Pace::Wait;
    }
    if (!has_numbers(rows.rows)) {
      waiting_.push_back(std::move(rows));
      return sql::Pace::Wait;
    }
    const Status taken =
        contents_ == sql::CopyContents::Columns ? take_columns(rows) : take_json(rows);
    if (!taken) {
      fail(taken.error());
      return sql::Pace::GoOn;
    }
    row_count_ += rows.rows;
    if (held_) return keep_in_transaction();
    const auto limit = static_cast<size_t>(session_.parts().settings.copy_atomic_bytes);
    const bool has_memory = charge_.try_resize(own_->size_bytes() + bytes_in_flight_);
    if (own_->size_bytes() >= limit) send_block();
    if (passing_) return sql::Pace::Wait;
    if (blocks_in_flight_ > 1 || (blocks_in_flight_ > 0 && !has_memory)) return sql::Pace::Wait;
    // The block of rows is not complete, and only complete blocks are sent. So waiting would not free memory, and
    // the COPY fails.
    if (!has_memory)
      fail(session_.memory()->refusal(fmt::format(
          "a COPY that is all or nothing up to copy-atomic-bytes, {}", format_bytes(limit))));
    return sql::Pace::GoOn;
  }

  void finish() override {
    is_finished_ = true;
    if (awaits_something() || has_failed_) return;
    if (own_ && own_->rows() > 0) return send_block();
    if (held_ && passes_first([] {})) return;
    if (blocks_in_flight_ == 0) report_done();
  }

  uint64_t committed_rows() const override { return rows_in_; }
  bool is_committing() const override { return blocks_in_flight_ > 0; }

 private:
  bool awaits_something() const { return look_up_ || awaits_numbers_ || passing_; }

  // Appends the rows that have arrived during the wait. Stops if it has to wait again.
  void go_on() {
    std::vector<sql::CopyRows> waited = std::exchange(waiting_, {});
    for (sql::CopyRows& rows : waited) append(std::move(rows));
    if (awaits_something() || has_failed_) return;
    if (is_finished_) return finish();
    receiver_.on_copy_drained();
  }

  // Returns whether each column with a sequence has numbers for this many rows. If not, requests
  // the missing numbers.
  bool has_numbers(size_t rows) {
    for (Numbers& column : numbers_) {
      if (column.numbers.size() >= rows) continue;
      awaits_numbers_ = true;
      const size_t missing = rows - column.numbers.size();
      session_.sequences()->next_later(
          column.sequence, missing,
          callback_.on(session_.shard().loop(),
                       [this, &column](const Result<std::vector<int64_t>>& taken) {
                         awaits_numbers_ = false;
                         if (!taken) return fail(taken.error());
                         column.numbers.insert(column.numbers.end(), taken->begin(), taken->end());
                         go_on();
                       }));
      return false;
    }
    return true;
  }

  Status place_columns(const sql::CopyTarget& target) {
    if (target.columns.empty()) {
      for (const size_t index : engine::shown_columns(*source_))
        if (engine::is_written(source_->schema.columns[index])) places_.push_back(index);
    }
    for (const engine::Name& name : target.columns) {
      const int index = find_column(*source_, name);
      if (index < 0) {
        Error unknown = engine::no_such_written_column({name, {}}, *source_);
        unknown.position.reset();  // the list of columns is kept without positions
        return unknown;
      }
      if (source_->schema.columns[static_cast<size_t>(index)].role == ColumnRole::Headers)
        return Error{ErrorCode::InvalidStatement,
                     fmt::format("cannot write the HEADERS column {}", name.text)};
      if (engine::is_row_id(source_->schema.columns[static_cast<size_t>(index)]))
        return Error{ErrorCode::InvalidStatement,
                     fmt::format("{} is assigned when the row is written", engine::kRowId)};
      places_.push_back(static_cast<size_t>(index));
    }
    for (const size_t place : places_) {
      const engine::ColumnDef& column = source_->schema.columns[place];
      columns.push_back({column.name, column.type});
    }
    return {};
  }

  Status take_json(sql::CopyRows& rows) {
    std::vector<std::optional<std::string_view>> payloads;
    for (size_t row = 0; row < rows.rows; ++row)
      payloads.emplace_back(rows.columns.front().data<std::string_view>()[row]);
    std::vector<engine::Column> read;
    std::vector<engine::Column*> outs;
    for (const size_t place : places_) read.emplace_back(source_->schema.columns[place].type);
    for (engine::Column& column : read) outs.push_back(&column);
    engine::RowStatus status;
    json_->read(payloads, outs, status);
    if (status.errors > 0 ||
        std::ranges::find(status.states, engine::RowState::Null) != status.states.end()) {
      const size_t row =
          status.errors > 0
              ? status.problems.front().row
              : static_cast<size_t>(std::ranges::find(status.states, engine::RowState::Null) -
                                    status.states.begin());
      Error error{ErrorCode::InvalidText, status.errors > 0 ? status.problems.front().message
                                                            : "a line is not a JSON object"};
      error.context = fmt::format("COPY {}, line {}", source_->name, rows.lines[row]);
      return error;
    }
    return take(std::move(read), rows);
  }

  Status take_columns(sql::CopyRows& rows) { return take(std::move(rows.columns), rows); }

  Status take(std::vector<engine::Column> given, const sql::CopyRows& rows) {
    std::vector<engine::ColumnPtr> all(source_->schema.columns.size());
    for (size_t i = 0; i < places_.size(); ++i) {
      const engine::ColumnDef& to = source_->schema.columns[places_[i]];
      // Equal numbers are one key, as in INSERT: -0 is 0.
      if (to.role == engine::ColumnRole::Key && to.type.kind() == engine::TypeKind::Double)
        for (double& key : given[i].data<double>()) key += 0.0;
      all[places_[i]] = std::make_shared<const engine::Column>(std::move(given[i]));
    }
    for (Numbers& column : numbers_) {
      all[column.column] =
          TRY(left_out_->numbered(column.column, std::span(column.numbers).first(rows.rows)));
      column.numbers.erase(column.numbers.begin(),
                           column.numbers.begin() + static_cast<std::ptrdiff_t>(rows.rows));
    }
    left_out_->gather_given(all, places_);
    TRY(left_out_->fill(all, rows.rows));
    const std::vector<int64_t> now(rows.rows, session_.parts().clock.wall_ms());
    return (held_ ? held_ : own_.get())->add(all, rows.rows, now, rows.lines);
  }

  sql::Pace keep_in_transaction() {
    if (Status kept = session_.check_held_rows(); !kept) fail(std::move(kept).error());
    return sql::Pace::GoOn;
  }

  // If rows have explicit numbers of sequences that other nodes use, too: moves the sequences past
  // these numbers, then calls `what` and continues with the waiting rows. Returns false if no
  // sequence has to be moved.
  bool passes_first(const std::function<void()>& what) {
    std::vector<GivenNumbers> given = left_out_->take_given();
    if (!session_.parts().sequences.is_shared() || given.empty()) return false;
    passing_ = std::make_unique<SequenceAdvance>(session_, std::move(given));
    passing_->begin([this, what](const Status& passed) {
      const auto ended = std::move(passing_);
      if (!passed) return fail(passed.error());
      what();
      go_on();
    });
    return true;
  }

  void send_block() {
    if (passes_first([this] { send_block(); })) return;
    storage::AppendRequest request;
    const uint64_t rows = own_->rows();
    const size_t size_bytes = own_->size_bytes();
    own_->take(request);
    ++blocks_in_flight_;
    bytes_in_flight_ += size_bytes;
    append_as_one(session_.parts(), std::move(request),
                  callback_.on(session_.shard().loop(),
                               [this, rows, size_bytes](Result<storage::Appended> appended) {
                                 block_appended(rows, size_bytes, std::move(appended));
                               }));
  }

  void block_appended(uint64_t rows, size_t size_bytes, Result<storage::Appended> appended) {
    --blocks_in_flight_;
    bytes_in_flight_ -= size_bytes;
    charge_.resize(own_->size_bytes() + bytes_in_flight_);
    if (appended) {
      rows_in_ += rows;
      session_.note_written(appended->batches);
    } else if (!has_failed_) {
      return fail(std::move(appended).error());
    }
    if (is_finished_ && !awaits_something() && !has_failed_ && blocks_in_flight_ == 0)
      report_done();
    else
      receiver_.on_copy_drained();
  }

  void report_done() {
    if (const auto notice = (held_ ? held_ : own_.get())->take_notice())
      receiver_.on_copy_notice(*notice);
    receiver_.on_copy_done(row_count_);
  }

  void fail(Error error) {
    has_failed_ = true;
    receiver_.on_copy_error(std::move(error));
  }

  SqlSession& session_;
  const std::shared_ptr<const engine::DataSource> source_;
  sql::CopyReceiver& receiver_;
  sql::CopyContents contents_ = sql::CopyContents::Columns;
  std::vector<size_t> places_;  // positions of the given columns in the schema
  std::unique_ptr<engine::Reader> json_;
  std::optional<LeftOutColumns> left_out_;
  struct Numbers {
    size_t column;  // position in the schema
    std::string sequence;
    std::vector<int64_t> numbers;  // numbers that are available for the next rows
  };
  std::vector<Numbers> numbers_;
  bool awaits_numbers_ = false;
  std::unique_ptr<SequenceAdvance> passing_;
  // set while the first free number of a SERIAL column is unknown
  std::unique_ptr<SerialLookUp> look_up_;
  std::vector<sql::CopyRows> waiting_;  // rows that arrived after append() returned Wait
  std::unique_ptr<RowBuffer> own_;
  RowBuffer* held_ = nullptr;  // the transaction's buffer; null: own_ is used
  uint64_t row_count_ = 0, rows_in_ = 0;
  int blocks_in_flight_ = 0;
  size_t bytes_in_flight_ = 0;
  MemoryCharge charge_{session_.memory(), MemoryKind::Copy};  // charge for own_ and rows in flight
  bool is_finished_ = false, has_failed_ = false;
  const WeakCallback callback_;
};

}  // namespace

Result<std::unique_ptr<sql::CopyIn>> start_copy(SqlSession& session, const MetadataImage& image,
                                                const sql::CopyTarget& target,
                                                sql::CopyReceiver& receiver) {
  std::shared_ptr<const engine::DataSource> source = session.find_source(image, target.source);
  const engine::VisibleNamesInUse visible(visible_to(*image.users, session.asker()));
  if (!source)
    return engine::no_such_relation(target.source, target.source_position, engine::ViewChange::Copy,
                                    *image.catalog);
  if (source->read_only || source->window)
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("cannot copy into {}: it is {}", source->name,
                             source->read_only ? "read-only" : "windowed")}
        .at(target.source_position);
  TRY(engine::check_writable(source->topic));
  auto copy = std::make_unique<NodeCopy>(session, std::move(source), receiver);
  TRY(copy->prepare(target));
  if (auto look_up = SerialLookUp::make(session, image, copy->source()))
    copy->await(std::move(look_up));
  return std::unique_ptr<sql::CopyIn>(std::move(copy));
}

}  // namespace server
