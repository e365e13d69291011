// SELECTs over tables that need more than a look-up: joins, groups, an order.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/functions/sequences.h"
#include "engine/query/join_sizes.h"
#include "engine/query/pull_columns.h"
#include "engine/query/rows_run.h"
#include "engine/query/table_reads.h"
#include "engine/query/top_rows.h"
#include "engine/system_tables/explain_select.h"
#include "engine/system_tables/system_catalog.h"
#include "engine/types/column_bytes.h"
#include "server/sql/execution.h"
#include "server/sql/log_rows/log_rows.h"
#include "server/sql/read/consistent_cut.h"
#include "server/sql/read/information_facts.h"
#include "server/sql/read/materialized_tables.h"
#include "server/sql/read/pull_scan.h"
#include "server/sql/read/read_preparation.h"
#include "server/sql/read/stream_gathering.h"
#include "server/sql/read/table_read.h"
#include "server/sql/short_work.h"

namespace server {

namespace {

// The factor between the size of a column and the memory that it may occupy: a column that grows
// row by row reserves up to twice the space that it needs.
constexpr size_t kBytesWithRoom = 2;

// Limit for the entries that are read from a part of a table for its first rows. The tasks of all tables are
// stopped in the meantime.
constexpr size_t kMostFirstEntries = 4'096;

// Reads the rows of all tables as of one commit, computes the result on a worker, and shows it. A table may be read
// only in part, for a LIMIT. If these rows turn out to be too few, the statement runs once more with all rows.
class SelectExecution final : public TableRead {
 public:
  SelectExecution(SqlSession& session, sql::Receiver& receiver, StatementBegun begun,
                  SelectRows plan, MetadataImagePtr image)
      : TableRead(session, receiver, begun),
        is_analyzed_(begun.prepared->is_analyzed),
        plan_(std::move(plan)),
        image_(std::move(image)) {}
  ~SelectExecution() override { cancel_scans(); }

  void begin() {
    begun_us_ = session().parts().clock.monotonic_us();
    find_tables();
  }
  void pause() override {
    TableRead::pause();
    if (stream_) stream_->pause();
  }
  void resume() override {
    TableRead::resume();
    if (stream_) return stream_->resume();
    show();
  }

 private:
  void find_tables() {
    for (size_t i = 0; i < plan_->tables.size(); ++i) {
      Table& table = tables_.emplace_back();
      if (plan_->streams[i]) {
        table.request = std::make_shared<PullRequest>();
        continue;
      }
      auto found = find_kept_table(*image_, plan_->tables[i]->table);
      if (!found) return fail(std::move(found).error());
      table.kept = *std::move(found);
    }
    if (std::ranges::any_of(tables_, &Table::is_stream) && reads_at_barrier(kept_tables()))
      return fail(streams_at_barrier());
    read_next_stream();
  }
  // Reads the next stream or, after the last stream, the tables. The tables are read last because
  // reading streams takes long: otherwise the rows of the tables would be outdated by then.
  void read_next_stream() {
    const auto at = std::find_if(plan_->streams.begin() + static_cast<ptrdiff_t>(streams_read_),
                                 plan_->streams.end(), [](const auto& stream) { return stream; });
    if (at == plan_->streams.end()) return open_tables();
    const auto table = static_cast<size_t>(at - plan_->streams.begin());
    streams_read_ = table + 1;
    stream_ = std::make_unique<StreamGathering>(
        session(), image_, *at,
        StreamGathering::Use{
            .charge = [this](size_t bytes) { return charge(kBytesWithRoom * bytes); },
            .on_notice = [this](sql::Notice notice) { receiver().on_notice(std::move(notice)); },
            .on_done =
                [this, table](Result<engine::RowsChunks> rows) {
                  stream_.reset();
                  if (!rows) return fail(std::move(rows).error());
                  tables_[table].rows = *std::move(rows);
                  read_next_stream();
                }});
    if (Status begun = stream_->begin(); !begun) {
      stream_.reset();
      fail(std::move(begun).error());
    }
  }
  Status charge(size_t bytes) {
    gathered_bytes_ += bytes;
    if (gathered_.try_resize(gathered_bytes_)) return {};
    return gathered_.refusal(
        fmt::format("the tables of a SELECT, {}", format_bytes(gathered_bytes_)));
  }

  void open_tables() {
    std::vector<MaterializedTable> kept;
    for (Table& table : tables_) {
      if (table.is_stream()) continue;
      table.kept_at = kept.size();
      kept.push_back(table.kept);
    }
    if (kept.empty()) return gather_facts();
    opening_.emplace(session(), receiver(), image_, std::move(kept),
                     is_for_change() ? ReadPreparation::Kind::Change : ReadPreparation::Kind::Scan);
    is_at_barrier_ = reads_at_barrier(kept_tables());
    if (is_at_barrier_) opening_->precede_barrier(is_repeated());
    opening_->begin([this](Status opened) {
      if (!opened && opened.error().code == ErrorCode::UndefinedObject)
        for (const Table& each : tables_)
          if (!each.is_stream()) return await(each.kept);
      if (!opened) return fail(std::move(opened).error());
      note_opened(opening_->waited_ms());
      gather_facts();
    });
  }

  struct Part {
    Shard* shard = nullptr;
    std::shared_ptr<PullScan> scan;
    bool has_reported = false;
  };
  struct Table {
    MaterializedTable kept = {};  // empty for a stream
    size_t kept_at = 0;           // index among the opened tables
    std::shared_ptr<PullRequest> request = {};
    std::vector<Part> parts = {};  // one per shard that keeps rows
    size_t tasks_expected = 0, tasks_found = 0, reports = 0, parts_read = 0;
    std::shared_ptr<HeldTables> stopped = {};  // set while its tasks stand still for this statement
    bool is_begun = false;
    engine::RowsChunks rows = {};
    size_t row_count = 0;                  // of `rows`, for tables that are not streams
    std::optional<HeldBatches> held = {};  // the transaction's own rows for this table
    bool is_stream() const { return kept.table == nullptr; }
    bool is_read() const { return is_begun && parts_read == parts.size(); }
  };
  // The state of the computation. Its ownership is shared, because the worker thread may finish after this
  // execution is destroyed.
  struct Work {
    SqlParts& parts;
    SelectRows plan;
    std::shared_ptr<const InformationFacts> facts;  // null: the statement reads no system table
    std::vector<std::shared_ptr<PullRequest>> requests;
    std::vector<engine::RowsChunks> tables;
    engine::Properties properties;
    const Clock& clock;
    MemoryBudget& memory;
    OwnedCharge gathered;  // for the tables' rows, until make() charges them to `context`
    std::vector<std::optional<HeldBatches>> held;  // held batches of each table
    const engine::SchemaLookup* schemas;
    std::shared_ptr<engine::Sequences> sequences;
    std::shared_ptr<engine::CatalogNames> names;
    std::optional<engine::RowsContext> context = {};
    Random random = Random(static_cast<uint64_t>(clock.monotonic_us()));
    std::optional<engine::EvalBudget> budget = {};
    // Set for EXPLAIN ANALYZE, once the tables have been read.
    std::optional<engine::RowsProfile> profile = {};
    engine::SelectTimes times = {};
    engine::TableReads reads = {};
    std::vector<sql::Notice> notices = {};
    size_t result_rows = 0;  // also for EXPLAIN ANALYZE, whose result has other rows
    Result<engine::RowsChunks> result = engine::RowsChunks();

    void run(const std::atomic<bool>& is_cancelled) {
      budget.emplace(clock, &is_cancelled, &memory);
      context.emplace(engine::EvalContext{clock, random, &properties, &*budget}, &memory);
      const engine::SequencesInUse in_use(sequences.get());
      const engine::CatalogNamesInUse names_in_use(names.get());
      const int64_t begun_us = clock.monotonic_us();
      result = make();
      if (result)
        for (const engine::RowsChunk& chunk : *result) result_rows += chunk.rows;
      if (profile && result) {
        times.running_us = clock.monotonic_us() - begun_us;
        result =
            engine::RowsChunks{lines_of(engine::analyzed_lines(*plan, reads, *profile, times))};
      }
      // null in place of `is_cancelled`: that flag is destroyed together with the work on the worker thread
      budget.emplace(clock, nullptr, &memory);
    }
    Result<engine::RowsChunks> make() {
      size_t bytes = 0;
      for (size_t i = 0; i < tables.size(); ++i) {
        if (!requests[i]->is_shaped_there) TRY(shape(i));
        for (const engine::RowsChunk& chunk : tables[i]) bytes += engine::bytes_of(chunk);
      }
      gathered.resize(0);
      TRY(context->add(kBytesWithRoom * bytes));
      plan = engine::with_joins_by_size(std::move(plan), tables);
      engine::RowsProfile* const measured = profile ? &*profile : nullptr;
      if (!facts)
        return engine::run_rows_plan(*plan, std::move(tables), *context, nullptr, measured);
      return facts->with_context([&](const engine::InformationContext& about) {
        const engine::CatalogRows system(about, facts->reader.database, facts->reader.user,
                                         facts->reader.temporary_schema);
        const LogRows with_log(parts, facts->image, facts->reader.asker, system);
        auto rows = engine::run_rows_plan(*plan, std::move(tables), *context, &with_log, measured);
        notices = with_log.take_notices();
        return rows;
      });
    }
    static engine::RowsChunk lines_of(std::vector<std::string> lines) {
      auto column = std::make_shared<engine::Column>(engine::TypeKind::String);
      for (std::string& line : lines) column->append_value(engine::Value::text(std::move(line)));
      return {lines.size(), {std::move(column)}};
    }
    // Applies the filters that PullScan has not applied on the shard, because they may take too
    // long for a loop.
    Status shape(size_t table) {
      if (held[table])
        TRY(lay_over(*held[table], *plan->tables[table]->table, schemas, tables[table]));
      const engine::PullShaper shaper(*plan->tables[table]);
      for (engine::RowsChunk& chunk : tables[table]) {
        TRY(context->begin());
        engine::Batch batch;
        batch.rows = chunk.rows;
        batch.columns = std::move(chunk.columns);
        batch.timestamps.resize(batch.rows);
        batch.offsets.resize(batch.rows);
        batch.present = engine::Bitmap(batch.rows, true);
        batch = TRY(shaper.shape(std::move(batch), SIZE_MAX, context->eval()));
        TRY(context->end());
        chunk = {batch.rows, std::move(batch.columns)};
      }
      return {};
    }
  };

  // ---- Reading the tables

  // Gathers the facts that system tables show; most statements read none of these tables.
  void gather_facts() {
    if (plan_->system_tables.empty()) return ask();
    InformationNeeds needs;
    for (const engine::SystemTable* table : plan_->system_tables) needs.add(*table);
    gathering_.emplace(session(), image_);
    gathering_->begin(needs, [this](std::shared_ptr<InformationFacts> facts) {
      facts_ = std::move(facts);
      if (auto missing = facts_->missing_groups()) receiver().on_notice(*std::move(missing));
      for (const sql::Notice& each : facts_->connector_notices) receiver().on_notice(each);
      ask();
    });
  }

  void ask() {
    if (!opening_) return run();
    std::vector<Shard*> shards;
    std::vector<std::string> query_ids;
    for (size_t i = 0; i < tables_.size(); ++i) {
      Table& table = tables_[i];
      if (table.is_stream()) continue;
      const MaterializerPlaces places = session().places_of(table.kept.query, *image_);
      if (places.shards.empty()) return await(table.kept);
      table.tasks_expected = places.tasks;
      for (Shard* shard : places.shards) {
        table.parts.push_back({.shard = shard, .scan = nullptr});
        if (std::ranges::find(shards, shard) == shards.end()) shards.push_back(shard);
      }
      if (std::ranges::find(query_ids, table.kept.query_id()) == query_ids.end())
        query_ids.push_back(table.kept.query_id());
      if (Status made = make_request(i); !made) return fail(std::move(made).error());
    }
    choose_reads();
    if (is_at_barrier_)
      return begin_barrier(
          kept_tables(), [this](const auto& id, const auto& held) { begin_scans(id, held); },
          [this] { stop(); });
    if (is_looked_up()) return begin_scans();
    cut_ = ConsistentCut::begin(std::move(shards), std::move(query_ids), on_loop([this] {
                                  for (Table& table : tables_) table.stopped = cut_;
                                  cut_.reset();
                                  begin_scans();
                                }));
  }
  Status make_request(size_t i) {
    Table& table = tables_[i];
    table.request = std::make_shared<PullRequest>();
    table.request->query_id = table.kept.query_id();
    table.request->kept_by = table.kept.query->plan;
    table.request->plan = stops_tasks() ? without_many_keys(plan_->tables[i]) : plan_->tables[i];
    if (session().holds(plan_->tables[i]->table->name)) {
      const storage::TopicInfo* topic = image_->topics->find(plan_->tables[i]->table->topic);
      auto held = TRY(session().held_batches(*plan_->tables[i]->table, topic ? topic->id : Uuid()));
      for (const std::string& batches : held) gathered_bytes_ += batches.size();
      table.held = std::move(held);
    }
    // Uncommitted rows of the transaction replace rows of the table before the filter is applied. So if the
    // transaction has such rows, the shard does not apply the filter, and shape() applies it later.
    table.request->is_shaped_there = !table.held && engine::is_cheap(*plan_->tables[i]);
    // If the transaction has uncommitted rows for the table, all columns are read, since such a
    // row replaces a whole row.
    if (!table.held) table.request->used = engine::used_columns(*plan_->tables[i]);
    table.request->top = engine::top_rows_of(*plan_);
    table.request->is_one_of_several = tables_.size() > 1;
    table.request->properties = session().properties();
    table.request->must_have_passed = opening_->must_have_passed(table.kept_at);
    return {};
  }

  bool stops_tasks() const { return is_at_barrier_ || !is_looked_up(); }
  bool is_looked_up() const { return plan_->tables.size() == 1 && plan_->tables.front()->keys; }
  std::vector<MaterializedTable> kept_tables() const {
    std::vector<MaterializedTable> kept;
    for (const Table& table : tables_)
      if (!table.is_stream()) kept.push_back(table.kept);
    return kept;
  }

  // Chooses how each table is read. Uncommitted rows of the transaction can be merged only with a complete table. So no
  // table is read in part (Way::First) if any table of the statement has such rows.
  void choose_reads() {
    using enum engine::TableReads::Way;
    const bool has_held =
        std::ranges::any_of(tables_, [](const Table& table) { return table.held.has_value(); });
    reads_ = engine::table_reads(*plan_, !reads_all_ && !has_held);
    for (size_t i = 0; i < tables_.size(); ++i) {
      if (reads_.ways[i] != First) continue;
      auto first = std::make_shared<engine::PullPlan>(*plan_->tables[i]);
      first->limit =
          static_cast<int64_t>(engine::first_rows_of_part(reads_.wanted, tables_[i].parts.size()));
      tables_[i].request->plan = std::move(first);
      tables_[i].request->most_entries = kMostFirstEntries;
    }
  }

  // Begins to read the tables of this query. The tasks of the query have reached a barrier and are stopped.
  void begin_scans(const std::string& query_id, const std::shared_ptr<HeldTables>& held) {
    if (is_over_) return;
    for (Table& table : tables_)
      if (!table.is_stream() && table.kept.query_id() == query_id) table.stopped = held;
    begin_scans();
  }

  // Begins to read all tables whose keys are known by now. All tables are read as of one commit of the log, or as
  // of one barrier, because the tasks that change a table are stopped until its scans have begun.
  void begin_scans() {
    for (size_t i = 0; i < tables_.size(); ++i) {
      Table& table = tables_[i];
      if (table.is_stream() || table.is_begun || (is_at_barrier_ && !table.stopped)) continue;
      if (awaits_source(i)) continue;
      if (const auto& source = reads_.sources[i])
        if (Status chosen = choose_keys(table, *source, plan_->tables[i]); !chosen)
          return fail(std::move(chosen).error());
      table.is_begun = true;
      const std::shared_ptr<HeldTables> stopped = std::move(table.stopped);
      for (size_t part = 0; part < table.parts.size(); ++part) {
        Part& its = table.parts[part];
        its.scan = std::make_shared<PullScan>(*its.shard, session().parts().clock, table.request,
                                              answer_to(i, part));
        its.shard->post([scan = its.scan, stopped] { scan->begin(stopped); });
      }
    }
  }
  // Returns whether the scan of the table has to wait for the rows of its source. At a barrier, the tasks of a
  // later stage are stopped only after the tasks of earlier stages have continued. So the table is scanned without
  // waiting if the tasks of its source are not stopped yet.
  bool awaits_source(size_t table) {
    if (!reads_.sources[table]) return false;
    const Table& from = tables_[reads_.sources[table]->table];
    if (from.is_read()) return false;
    if (!is_at_barrier_ || from.stopped || from.is_begun) return true;
    reads_.ways[table] = engine::TableReads::Way::Scan;
    reads_.sources[table].reset();
    return false;
  }
  static bool is_few_rows(const Table& source) {
    return source.request->is_shaped_there && source.row_count <= engine::kMostSourceRows;
  }
  // Replaces the scan of the table by a look-up of the keys in the rows of its source, if these rows are few.
  Status choose_keys(Table& table, const engine::KeySource& source,
                     const std::shared_ptr<const engine::PullPlan>& plan) const {
    const Table& from = tables_[source.table];
    if (!is_few_rows(from)) return {};
    auto look_up = std::make_shared<engine::PullPlan>(*plan);
    look_up->keys = TRY(engine::keys_of_source(*plan->table, source, from.rows));
    table.request->plan = std::move(look_up);
    return {};
  }

  PullScan::Answer answer_to(size_t table, size_t part) {
    return on_loop([this, table, part](const Result<std::shared_ptr<PullPortion>>& portion) {
      take(tables_[table], tables_[table].parts[part], portion);
    });
  }

  void take(Table& table, Part& part, const Result<std::shared_ptr<PullPortion>>& taken) {
    if (is_over_) return;
    if (!taken && taken.error().code == ErrorCode::UndefinedObject) return await(table.kept);
    if (!taken) return fail(taken.error());
    PullPortion& portion = **taken;
    if (!std::exchange(part.has_reported, true)) {
      table.tasks_found += portion.tasks;
      if (++table.reports == table.parts.size()) {
        // An incomplete table is never shown.
        if (table.tasks_found < table.tasks_expected) return await(table.kept);
        ++tables_begun_;
        const auto streams =
            std::ranges::count_if(tables_, [](const Table& each) { return each.is_stream(); });
        if (tables_begun_ + static_cast<size_t>(streams) == tables_.size()) opening_->close();
      }
    }
    for (engine::Batch& batch : portion.batches)
      table.rows.push_back({batch.rows, std::move(batch.columns)});
    table.row_count += portion.rows;
    is_cut_ = is_cut_ || portion.is_cut;
    portion.on_its_way.reset();
    if (Status charged = charge(kBytesWithRoom * portion.bytes); !charged)
      return fail(std::move(charged).error());
    if (!portion.is_last) return part.shard->post([scan = part.scan] { scan->go_on(); });
    ++table.parts_read;
    if (std::ranges::all_of(tables_,
                            [](const Table& each) { return each.is_stream() || each.is_read(); }))
      return run();
    if (table.is_read()) begin_scans();
  }

  // ---- Computing and showing the result

  void run() {
    work_ =
        std::make_shared<Work>(Work{session().parts(),
                                    plan_,
                                    std::move(facts_),
                                    {},
                                    {},
                                    session().properties(),
                                    session().parts().clock,
                                    session().parts().memory,
                                    std::move(gathered_),
                                    {},
                                    &session().parts().definitions.schemas(),
                                    session().sequences(),
                                    catalog_names_of(image_, session().asker(), session().user(),
                                                     session().temporary().schema())});
    for (Table& table : tables_) {
      work_->requests.push_back(std::move(table.request));
      work_->tables.push_back(std::move(table.rows));
      work_->held.push_back(std::move(table.held));
    }
    if (is_analyzed_) {
      work_->profile.emplace();
      work_->reads = reads_.ways.empty() ? engine::table_reads(*plan_, false) : reads_;
      work_->times.reading_us = session().parts().clock.monotonic_us() - begun_us_;
    }
    // The rows are charged elsewhere. The size that is passed to run_aside() decides only the
    // order: statements with few rows run before statements with many rows.
    constexpr size_t kFewBytes = 1 << 20;
    errand_ = session().run_aside(
        gathered_bytes_ > kFewBytes ? 2 * kMostShortWorkBytes : kMostShortWorkBytes,
        [work = work_](const std::atomic<bool>& is_cancelled) { work->run(is_cancelled); },
        [this] {
          if (!work_->result) return fail(work_->result.error());
          if (is_cut_ && work_->result_rows < rows_wanted()) return read_all_soon();
          for (sql::Notice& notice : work_->notices) receiver().on_notice(std::move(notice));
          is_made_ = true;
          show();
        });
    if (!errand_) fail(too_many_waiting());
  }

  // Returns the number of result rows that the LIMIT requires, if only the first rows of a table
  // were read; otherwise 0.
  size_t rows_wanted() const {
    const auto* cut = std::get_if<engine::CutRows>(&plan_->root->step);
    return reads_.has_first() && cut && cut->most ? *cut->most : 0;
  }
  // Runs the statement once more, with all rows of the tables.
  void read_all_soon() {
    session().shard().loop().post_rest("a SELECT that reads on", weak_callback().here([this] {
      if (is_over_) return;
      reads_all_ = true;
      is_cut_ = false;
      errand_.reset();
      work_.reset();
      tables_.clear();
      tables_begun_ = 0;
      gathered_bytes_ = 0;
      gathered_ = OwnedCharge(session().parts().memory, MemoryKind::Results);
      find_tables();
    }));
  }

  // Shows as many rows as the client has room for; a statement that writes the rows has room for
  // all. Rows are encoded on the loop, in slices.
  void show() {
    if (!is_made_ || is_over_ || is_rest_posted_) return;
    constexpr Loop::SliceLength kSlice{.short_us = 500, .long_us = 2'000};
    Loop& loop = session().shard().loop();
    const Clock& clock = session().parts().clock;
    const int64_t begun_us = clock.monotonic_us();
    const engine::RowsChunks& chunks = *work_->result;
    const size_t width = is_analyzed_ ? 1 : plan_->result.columns.size();
    for (; chunk_ < chunks.size(); ++chunk_, row_ = 0) {
      const engine::RowsChunk& chunk = chunks[chunk_];
      const std::span<const engine::ColumnPtr> columns(chunk.columns.data(), width);
      const bool is_long = engine::bytes_of(columns, 0, chunk.rows) > PullPortion::kLongBytes;
      // Rows with thousands of columns may have few bytes, but every cell costs time. A statement
      // that writes them encodes all columns of its table, also columns that it does not name.
      constexpr size_t kRowsAtOnce = 512, kCellsAtOnce = 8192;
      const size_t rows_at_once =
          is_long ? 1
                  : std::clamp<size_t>(kCellsAtOnce / std::max<size_t>(1, width), 1, kRowsAtOnce);
      while (row_ < chunk.rows) {
        const size_t rows = std::min(rows_at_once, chunk.rows - row_);
        if (is_paused() ||
            !receiver().has_room(is_long ? engine::bytes_of(columns, row_, row_ + 1) : 0))
          return;
        if (loop.is_slice_over(clock.monotonic_us() - begun_us, kSlice)) {
          is_rest_posted_ = true;
          return loop.post_rest("rows of a SELECT", weak_callback().here([this] {
            is_rest_posted_ = false;
            show();
          }));
        }
        receiver().on_rows(columns, row_, row_ + rows);
        row_ += rows;
      }
    }
    finish();
  }

  void cancel_scans() {
    for (Table& table : tables_) {
      table.stopped.reset();
      for (const Part& part : table.parts)
        if (part.scan) part.scan->cancel();
    }
  }
  void finish() {
    is_over_ = true;
    work_.reset();
    receiver().on_done({"SELECT"});
  }
  void fail(Error error) {
    is_over_ = true;
    cancel_scans();
    if (opening_) opening_->give_up();
    receiver().on_error(std::move(error));
  }
  void stop() {
    is_over_ = true;
    cancel_scans();
    opening_->give_up();
  }
  void await(const MaterializedTable& table) {
    stop();
    not_there(table);
  }

  const bool is_analyzed_;
  int64_t begun_us_ = 0;  // by the monotonic clock
  const SelectRows plan_;
  const MetadataImagePtr image_;
  std::optional<InformationGathering> gathering_;  // set if system tables are read
  std::shared_ptr<const InformationFacts> facts_;
  std::vector<Table> tables_;
  std::unique_ptr<StreamGathering> stream_;  // the stream that is being read
  size_t streams_read_ = 0;                  // index into SelectRowsPlan::streams
  std::optional<ReadPreparation> opening_;   // set if the statement reads tables
  std::shared_ptr<ConsistentCut> cut_;       // set until all tasks are stopped
  engine::TableReads reads_;
  bool is_at_barrier_ = false;
  bool reads_all_ = false;  // the first rows of a table were too few
  bool is_cut_ = false;     // some rows of a table were not read
  size_t tables_begun_ = 0;
  OwnedCharge gathered_{session().parts().memory, MemoryKind::Results};
  size_t gathered_bytes_ = 0;
  std::shared_ptr<Work> work_;
  std::unique_ptr<sql::Errand> errand_;
  size_t chunk_ = 0, row_ = 0;  // position of the next row to show
  bool is_made_ = false, is_over_ = false;
  bool is_rest_posted_ = false;  // show() continues in a later loop iteration
};

}  // namespace

std::unique_ptr<sql::Execution> run_select(SqlSession& session, sql::Receiver& receiver,
                                           StatementBegun begun, SelectRows plan,
                                           MetadataImagePtr image) {
  auto run = std::make_unique<SelectExecution>(session, receiver, std::move(begun), std::move(plan),
                                               std::move(image));
  run->begin();
  return run;
}

}  // namespace server
