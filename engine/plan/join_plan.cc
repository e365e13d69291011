#include "engine/plan/join_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/formats/format.h"
#include "engine/plan/join_analysis.h"
#include "engine/plan/join_check.h"
#include "engine/plan/source_formats.h"
#include "engine/types/time_math.h"

namespace engine {

namespace {

// Name of a key that is not a column. No reference can resolve to this name, since names in joins are qualified.
constexpr std::string_view kJoinKey = "KSQL_JOIN_KEY";

Error invalid_join_plan(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

// Returns whether the times of the source's records come from data and not from the clock: from a
// column of these records, or of the records from which they were derived.
bool has_time_from_data(const DataSource& source, const Catalog& catalog,
                        std::set<std::string>& seen) {
  if (source.timestamp) return true;
  if (!seen.insert(source.name).second) return false;
  for (const std::string& id : catalog.writers_of(source.name)) {
    for (const std::string& name : catalog.find_query(id)->sources) {
      const DataSource* from = catalog.find_source(name);
      if (from && has_time_from_data(*from, catalog, seen)) return true;
    }
  }
  return false;
}

class JoinPlanner {
 public:
  JoinPlanner(const Analysis& analysis, const SelectTarget& target, const PlanContext& context,
              StageBuilder& builder)
      : analysis_(analysis), target_(target), context_(context), builder_(builder) {}

  Result<PlannedJoins> plan() {
    const AnalysedSource& first = analysis_.sources.front();
    InputStep input = read_topic(*first.source);
    if (first.source->kind == SourceKind::Table)
      input.store = rows_store_ =
          builder_.add_store(StoreKind::Rows, fmt::format("KafkaTopic_{}Left-Reduce", left_of(0)));
    const Layout layout = input_layout(*first.source, first.alias);
    for (const ColumnDef& key : first.source->schema.keys())
      key_columns_.push_back(column_named(layout, key.name));
    builder_.add(std::move(input), layout);
    partitions_ = partitions_of(*first.source);
    key_format_ = identity_format(first.source->key_format);
    rows_are_table_ = first.source->kind == SourceKind::Table;
    for (size_t i = 0; i < analysis_.joins.size(); ++i) TRY(add_join(i));
    if (planned_.support) planned_.key_column = key_column_;
    planned_.key_columns = key_columns_;
    planned_.store = rows_store_;
    planned_.key_format = key_format_;
    return std::move(planned_);
  }

 private:
  const AnalysedSource& source(size_t index) const { return analysis_.sources[index]; }

  Status add_join(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    TRY(check_join(join, analysis_, rows_are_table_, context_));
    const bool joins_table = source(join.right).source->kind == SourceKind::Table;
    if (rows_are_table_) return add_table_join(index);
    if (!joins_table) return add_stream_join(index);
    TRY(key_rows(index));
    add_look_up(index);
    return {};
  }

  // ---- two tables

  Status add_table_join(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    const AnalysedSource& right = source(join.right);
    if (join.is_foreign && planned_.support) return add_foreign_join(index);
    find_key(index);
    key_column_of_rows(index);
    if (!planned_.support) return leave_out("", join);
    if (right.source->window) return leave_out("a join with a windowed table", join);
    if (is_persistent() && !(key_format_ == identity_format(right.source->key_format)))
      return leave_out("a join of tables whose keys have different formats", join);
    if (is_persistent()) TRY(check_partitions(join));
    merge_partitions_of(*right.source);
    TableTableJoinStep step;
    step.type = join.type;
    step.left_key = key_column_of_rows(index);
    step.left_store = rows_store_;
    step.old_too = needs_old_rows(index);
    const int left_node = builder_.last_node();
    const Layout left = builder_.layout();
    Layout both{{"", key_name(index), left[static_cast<size_t>(step.left_key)].type}};
    both.insert(both.end(), left.begin(), left.end());
    InputStep input = read_topic(*right.source);
    input.store = step.right_store = builder_.add_store(
        StoreKind::Rows, fmt::format("KafkaTopic_{}Right-Reduce", left_of(index)));
    builder_.add_node(std::move(input), {}, input_layout(*right.source, right.alias));
    const int right_node = builder_.last_node();
    const Layout& added = builder_.layout();
    const auto key = std::ranges::find_if(added, [&](const LayoutColumn& column) {
      return is_reference(*join.right_key, column.source, column.name);
    });
    step.right_key = static_cast<int>(key - added.begin());
    both.insert(both.end(), added.begin(), added.end());
    step.store = rows_store_ = builder_.add_store(StoreKind::Rows, left_of(index) + "Join");
    builder_.add_node(std::move(step), {left_node, right_node}, std::move(both));
    key_column_ = 0;
    key_columns_ = {0};
    return {};
  }

  // ---- a table joined with the row that its foreign key refers to

  Status add_foreign_join(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    const DataSource& right = *source(join.right).source;
    ask_for_old_rows();
    TRY(add_subscribe(index));
    const size_t key_count = key_columns_.size();
    if (is_persistent())
      builder_.cut(foreign_exchange(index, "SUBSCRIPTION-REGISTRATION", 1,
                                    identity_format(right.key_format), partitions_of(right)),
                   SourceKind::Stream, partitions_);
    merge_partitions_of(right);
    add_foreign_rows(index, key_count);
    if (is_persistent())
      builder_.cut(
          foreign_exchange(index, "SUBSCRIPTION-RESPONSE", key_count, key_format_, partitions_),
          SourceKind::Stream, partitions_of(right));
    add_resolve(index, key_count);
    return {};
  }

  // Makes the node that provides the rows of the left side also pass on the replaced versions of
  // these rows.
  void ask_for_old_rows() {
    auto& step = builder_.stage().nodes.back().step;
    if (auto* input = std::get_if<InputStep>(&step)) input->old_too = true;
    if (auto* joined = std::get_if<TableTableJoinStep>(&step)) joined->old_too = true;
    if (auto* joined = std::get_if<ForeignKeyResolveStep>(&step)) joined->old_too = true;
  }

  Status add_subscribe(size_t index) {
    const Layout left = builder_.layout();
    ForeignKeySubscribeStep step;
    const Scope scope = make_scope(left, "JOIN ON", analysis_, context_);
    step.foreign_key = TRY(bind(*analysis_.joins[index].left_key, scope));
    step.columns = key_columns_;
    step.key_count = key_columns_.size();
    const std::vector<bool> used = used_after(index, left);
    for (size_t i = 0; i < left.size(); ++i)
      if (used[i] && std::ranges::find(key_columns_, static_cast<int>(i)) == key_columns_.end())
        step.columns.push_back(static_cast<int>(i));
    Layout said{{"", "KSQL_FOREIGN_KEY", step.foreign_key.type},
                {"", "KSQL_CHANGE_NUMBER", TypeKind::Bigint},
                {"", "KSQL_CHANGE_KIND", TypeKind::Integer}};
    for (const int column : step.columns) said.push_back(left[static_cast<size_t>(column)]);
    builder_.add(std::move(step), std::move(said));
    return {};
  }

  void add_foreign_rows(size_t index, size_t key_count) {
    const AnalysedJoin& join = analysis_.joins[index];
    const AnalysedSource& right = source(join.right);
    const int left_node = builder_.last_node();
    const Layout said = builder_.layout();
    ForeignKeyJoinStep step;
    step.type = join.type;
    step.key_count = key_count;
    step.key_format = identity_format(right.source->key_format);
    step.left_format = key_format_;
    InputStep input = read_topic(*right.source);
    input.may_repeat = true;
    input.store = step.right_store = builder_.add_store(
        StoreKind::Rows, fmt::format("KafkaTopic_{}Right-Reduce", left_of(index)));
    const Layout added = input_layout(*right.source, right.alias);
    builder_.add_node(std::move(input), {}, added);
    const int right_node = builder_.last_node();
    step.store = builder_.add_store(
        StoreKind::Ranges, fmt::format("{}FK-JOIN-SUBSCRIPTION-STATE-STORE", left_of(index)));
    const auto keys_end = said.begin() + 3 + static_cast<ptrdiff_t>(key_count);
    Layout both(said.begin() + 3, keys_end);
    both.insert(both.end(), said.begin() + 1, said.begin() + 3);
    both.insert(both.end(), keys_end, said.end());
    const std::vector<bool> used = used_after(index, added);
    for (size_t i = 0; i < added.size(); ++i) {
      if (!used[i]) continue;
      step.right_columns.push_back(static_cast<int>(i));
      both.push_back(added[i]);
    }
    builder_.add_node(std::move(step), {left_node, right_node}, std::move(both));
  }

  void add_resolve(size_t index, size_t key_count) {
    ForeignKeyResolveStep step;
    step.key_count = key_count;
    step.key_format = key_format_;
    step.old_too = needs_old_rows(index);
    step.store = rows_store_ = builder_.add_store(StoreKind::Rows, left_of(index) + "Join");
    step.moving_store = builder_.add_store(
        StoreKind::Rows, fmt::format("{}FK-JOIN-SUBSCRIPTION-MOVING", left_of(index)));
    Layout result = builder_.layout();
    const auto change = result.begin() + static_cast<ptrdiff_t>(key_count);
    result.erase(change, change + 2);
    builder_.add(std::move(step), std::move(result));
    key_columns_.clear();
    for (size_t i = 0; i < key_count; ++i) key_columns_.push_back(static_cast<int>(i));
    key_column_ = key_count == 1 ? 0 : -1;
  }

  ExchangePlan foreign_exchange(size_t index, std::string_view step, size_t key_count,
                                const FormatSpec& key_format, int partitions) {
    ExchangePlan exchange =
        exchange_of(index, "", source(0), builder_.layout(), key_format, partitions);
    exchange.topic =
        internal_topic(target_.query_id, context_.properties,
                       fmt::format("KTABLE-FK-JOIN-{}-{:010}-topic", step, builder_.stage_index()));
    // If the key has several columns, its bytes may contain their names. Therefore the exchange has key columns with
    // the same names.
    for (size_t i = 0; i < key_count; ++i)
      exchange.schema.columns[i] = {builder_.layout()[i].name, builder_.layout()[i].type,
                                    ColumnRole::Key};
    return exchange;
  }

  // Returns whether the steps after the join need the old version of a row.
  bool needs_old_rows(size_t index) const {
    return index + 1 == analysis_.joins.size() &&
           (analysis_.where != nullptr || analysis_.has_aggregates);
  }

  // Plans only the columns of an unsupported join, so that the steps after the join can be checked. The plan will not
  // run.
  Status leave_out(std::string_view what, const AnalysedJoin& join) {
    if (planned_.support)
      planned_.support =
          Error{ErrorCode::NotSupported, fmt::format("{} is not supported yet", what)}.at(
              join.position);
    const AnalysedSource& right = source(join.right);
    const Layout added = input_layout(*right.source, right.alias);
    Layout& layout = builder_.stage().nodes.back().layout;
    if (const auto name = synthetic_join_key(analysis_))
      layout.push_back({"", *name, right.source->schema.keys().front().type});
    layout.insert(layout.end(), added.begin(), added.end());
    return {};
  }

  // Returns the name of the column that a join adds before the columns of its sides.
  std::string key_name(size_t index) const {
    const bool is_last = index + 1 == analysis_.joins.size();
    return is_last ? synthetic_join_key(analysis_).value_or(std::string(kJoinKey))
                   : std::string(kJoinKey);
  }

  // Repartitions the rows by the key of the join, if necessary, so that they meet the table's rows with this key.
  Status key_rows(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    const DataSource& table = *source(join.right).source;
    const bool is_keyed = find_key(index) && !(is_persistent() && source(0).source->window);
    // A key has different bytes in another format, so it may belong to another partition.
    const FormatSpec format = identity_format(table.key_format);
    const bool must_move =
        is_persistent() && (names_schema(format) || !(is_keyed && key_format_ == format));
    if (!is_keyed || must_move) TRY(bring_key_to_front(index));
    if (!must_move) return is_persistent() ? check_partitions(join) : Status{};
    move_rows(index, "Join", format, partitions_of(table));
    merge_partitions_of(table);
    return {};
  }

  // If the keys of the table carry schema ids, makes one task read all partitions. The producer has
  // chosen the partition by the bytes of the key, which other producers may encode differently. So
  // only a task that reads all partitions has all rows of a key.
  void merge_partitions_of(const DataSource& table) {
    if (is_persistent() && names_schema(table.key_format))
      builder_.stage().merges_partitions = true;
  }

  void move_rows(size_t index, std::string_view step, const FormatSpec& key_format,
                 int partitions) {
    builder_.cut(exchange_of(index, step, source(0), builder_.layout(), key_format, partitions),
                 SourceKind::Stream, partitions_);
    key_format_ = key_format;
    partitions_ = partitions;
    was_sorted_ = true;
  }

  // Returns the exchange for rows whose first column is the key.
  ExchangePlan exchange_of(size_t index, std::string_view step, const AnalysedSource& from,
                           const Layout& layout, const FormatSpec& key_format,
                           int partitions) const {
    ExchangePlan exchange;
    exchange.topic = internal_topic(target_.query_id, context_.properties,
                                    fmt::format("{}{}-repartition", left_of(index), step));
    exchange.key_format = key_format;
    exchange.value_format = from.source->value_format;
    exchange.partitions = partitions;
    for (size_t i = 0; i < layout.size(); ++i)
      exchange.schema.columns.push_back(
          {layout[i].source.empty() ? layout[i].name : layout[i].source + "_" + layout[i].name,
           layout[i].type, i == 0 ? ColumnRole::Key : ColumnRole::Value});
    return exchange;
  }

  // ---- two streams

  Status add_stream_join(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    const AnalysedSource& right = source(join.right);
    const bool is_keyed = find_key(index);
    const bool right_is_keyed = is_key_of(*join.right_key, right);
    const FormatSpec format =
        TRY(stream_key_format(index, is_keyed, right_is_keyed, *right.source));
    // Keys that carry schema ids are always repartitioned, so that they get one encoding. Windowed sources are not
    // moved, because one task reads all their partitions.
    const bool is_windowed = right.source->window.has_value();
    const bool has_other_bytes = names_schema(format) && !is_windowed;
    if (is_windowed) merge_partitions_of(*right.source);
    const bool must_move = is_persistent() && ((has_other_bytes && !was_sorted_) ||
                                               !(is_keyed && key_format_ == format));
    const bool right_must_move =
        is_persistent() &&
        (has_other_bytes ||
         !(right_is_keyed && identity_format(right.source->key_format) == format));
    if (is_persistent() && !must_move && !right_must_move) TRY(check_partitions(join));
    const int partitions =
        must_move && !right_must_move ? partitions_of(*right.source) : partitions_;
    if (!is_keyed || must_move) TRY(bring_key_to_front(index));
    if (must_move) {
      note_move();
      move_rows(index, "Join-left", format, partitions);
    }
    const int left_node = builder_.last_node();
    const Layout left = builder_.layout();
    const int left_key = key_column_of_rows(index);
    int right_key = 0;
    const int right_node = TRY(add_right_stream(index, format, right_must_move, right_key));
    add_stream_join_node(index, format, {left_node, right_node}, {left_key, right_key}, left);
    key_format_ = format;
    partitions_ = partitions;
    if (is_persistent()) builder_.order_inputs();
    return {};
  }

  // Returns the key format of the left side. If only the left side must be repartitioned, returns the format of the
  // right side. Returns the default if neither side has a format.
  Result<FormatSpec> stream_key_format(size_t index, bool is_keyed, bool right_is_keyed,
                                       const DataSource& right) const {
    const FormatSpec right_format = identity_format(right.key_format);
    FormatSpec format = !is_keyed && right_is_keyed ? right_format : key_format_;
    if (format.name == "NONE") format = right_format;
    if (format.name == "NONE")
      format =
          FormatSpec{effective_settings(context_.settings, context_.properties).default_key_format};
    const Scope scope = make_scope(builder_.layout(), "JOIN ON", analysis_, context_);
    const ColumnDef key{"K", TRY(bind(*analysis_.joins[index].left_key, scope)).type,
                        ColumnRole::Key};
    // The internal topic may have another key format than the result, so JSON is used if the chosen
    // format does not support the key.
    if (!validate_key_schema(format, {&key, 1})) return FormatSpec{"JSON"};
    return format;
  }

  // Returns the column that the join compares. Call after find_key() or bring_key_to_front().
  int key_column_of_rows(size_t index) {
    if (key_column_ >= 0) return key_column_;
    find_column(*analysis_.joins[index].left_key);
    return key_column_;
  }

  // Adds the node for the records of the right stream, and sets the compared column of its layout.
  Result<int> add_right_stream(size_t index, const FormatSpec& format, bool must_move,
                               int& key_column) {
    const AnalysedJoin& join = analysis_.joins[index];
    const AnalysedSource& right = source(join.right);
    const Layout layout = input_layout(*right.source, right.alias);
    InputStep input = read_topic(*right.source);
    const auto found = std::ranges::find_if(layout, [&](const LayoutColumn& column) {
      return is_reference(*join.right_key, column.source, column.name);
    });
    key_column = static_cast<int>(found - layout.begin());
    if (!must_move && found != layout.end()) {
      builder_.add_node(std::move(input), {}, layout);
      return builder_.last_node();
    }
    ProjectStep step;
    Layout result;
    const Scope scope = make_scope(layout, "JOIN ON", analysis_, context_);
    step.columns.push_back(TRY(bind(*join.right_key, scope)));
    step.is_key.push_back(true);
    result.push_back(found != layout.end()
                         ? *found
                         : LayoutColumn{"", std::string(kJoinKey), step.columns.front().type});
    const std::vector<bool> used = used_after(index, layout);
    for (size_t i = 0; i < layout.size(); ++i) {
      if (!used[i] || layout.begin() + static_cast<ptrdiff_t>(i) == found) continue;
      step.columns.push_back(column_expression(layout[i].type, static_cast<uint32_t>(i)));
      step.is_key.push_back(false);
      result.push_back(layout[i]);
    }
    key_column = 0;
    if (!must_move) {
      builder_.add_node(std::move(input), {}, layout);
      builder_.add(std::move(step), std::move(result));
      return builder_.last_node();
    }
    note_move();
    StagePlan side;
    side.nodes.push_back({std::move(input), {}, layout});
    ExchangePlan exchange = exchange_of(index, "Join-right", right, result, format, partitions_);
    side.nodes.push_back({std::move(step), {0}, std::move(result)});
    return builder_.add_side(std::move(side), std::move(exchange), SourceKind::Stream,
                             partitions_of(*right.source));
  }

  void add_stream_join_node(size_t index, const FormatSpec& format, std::pair<int, int> from,
                            std::pair<int, int> keys, const Layout& left) {
    const AnalysedJoin& join = analysis_.joins[index];
    const Layout right = builder_.stage().nodes[static_cast<size_t>(from.second)].layout;
    StreamStreamJoinStep step;
    step.type = join.type;
    step.key_format = format;
    step.left_key = {keys.first};
    step.right_key = {keys.second};
    const bool is_windowed = source(join.right).source->window.has_value();
    Layout both{{"", key_name(index), left[static_cast<size_t>(keys.first)].type}};
    if (is_windowed)
      for (const std::string_view bound : {kWindowStart, kWindowEnd}) {
        step.left_key.push_back(column_named(left, bound));
        step.right_key.push_back(column_named(right, bound));
        both.push_back({"", std::string(bound), TypeKind::Bigint});
      }
    set_times(*join.within, step);
    add_join_stores(index, step);
    both.insert(both.end(), left.begin(), left.end());
    both.insert(both.end(), right.begin(), right.end());
    builder_.add_node(std::move(step), {from.first, from.second}, std::move(both));
    key_column_ = 0;
  }

  static int column_named(const Layout& layout, std::string_view name) {
    const auto found = std::ranges::find(layout, name, &LayoutColumn::name);
    return static_cast<int>(found - layout.begin());
  }

  // Sets the times of the step in milliseconds. check_join() has rejected values that do not fit into 64 bits.
  static void set_times(const Within& within, StreamStreamJoinStep& step) {
    constexpr int64_t kDayMs = 86'400'000;
    step.before_ms = *within.before.to_ms();
    step.after_ms = *within.after.to_ms();
    const int64_t width_ms = saturating_add(step.before_ms, step.after_ms);
    step.is_eager = !within.grace;
    // As in ksqlDB, the default grace period is a day minus the width of the join.
    step.grace_ms = within.grace ? *within.grace->to_ms() : std::max<int64_t>(kDayMs - width_ms, 0);
    // The store is divided into parts, each for a span of time. With this size, the join reads at most two parts for a
    // record, and a store has about a thousand parts.
    constexpr int64_t kFewestMs = 1'000, kMostParts = 1'000;
    step.part_ms = std::max({kFewestMs, saturating_add(width_ms, 1),
                             saturating_add(width_ms, step.grace_ms) / kMostParts});
  }

  // Adds the stores. As in ksqlDB, their names contain the number of the node in the topology of Kafka Streams, where
  // a repartitioned side has four nodes more.
  void add_join_stores(size_t index, StreamStreamJoinStep& step) {
    const AnalysedJoin& join = analysis_.joins[index];
    const int number = 8 + 4 * static_cast<int>(moves_) + 8 * static_cast<int>(index);
    // Whether records of the left and of the right side may give rows in which the other side is
    // null.
    const bool left = join.type == JoinType::Full, right = left || join.type != JoinType::Inner;
    step.left_store = builder_.add_store(
        StoreKind::Ranges,
        fmt::format("KSTREAM-{}THIS-{:010}-store", left ? "OUTER" : "JOIN", number));
    step.right_store = builder_.add_store(
        StoreKind::Ranges,
        fmt::format("KSTREAM-{}OTHER-{:010}-store", right ? "OUTER" : "JOIN", number + 1));
    if (join.type != JoinType::Inner && !step.is_eager)
      step.pending_store = builder_.add_store(
          StoreKind::Ranges,
          fmt::format("KSTREAM-{}SHARED-{:010}-store", left ? "OUTER" : "LEFT", number));
  }

  void note_move() { ++moves_; }

  // Returns the present number of partitions, which may be greater than at the declaration of the source.
  int partitions_of(const DataSource& source) const {
    const auto topic = context_.topics.find(source.topic);
    return topic ? topic->partitions : source.partitions;
  }

  bool is_persistent() const { return target_.use == QueryUse::Persistent; }

  // Returns whether the rows are already keyed by the expression of the join. In a query that is not persistent,
  // the partition of the rows does not matter, so this is true for every column. Sets key_column_ if the expression
  // is a column of the rows.
  bool find_key(size_t index) {
    const Expression& wanted = *analysis_.joins[index].left_key;
    if (index > 0 && contains(equal_to_join_key(analysis_.joins, index), wanted)) return true;
    find_column(wanted);
    if (!is_persistent()) return key_column_ >= 0;
    return index == 0 && is_key_of(wanted, source(0));
  }

  void find_column(const Expression& wanted) {
    const Layout& layout = builder_.layout();
    const auto found = std::ranges::find_if(layout, [&](const LayoutColumn& column) {
      return is_reference(wanted, column.source, column.name);
    });
    key_column_ = found == layout.end() ? -1 : static_cast<int>(found - layout.begin());
  }

  // Returns ksqlDB's prefix for the steps of a join that is the left side of other joins.
  std::string left_of(size_t index) const {
    std::string prefix;
    for (size_t i = index + 1; i < analysis_.joins.size(); ++i) prefix += "L_";
    return prefix;
  }

  Status check_partitions(const AnalysedJoin& join) const {
    const DataSource &left = *source(join.left).source, &table = *source(join.right).source;
    const int wanted = partitions_of(table);
    if (partitions_ == wanted) return {};
    return invalid_join_plan(
               fmt::format("Can't join `{0}` with `{1}` since the number of partitions don't "
                           "match. `{0}` partitions = {2}; `{1}` partitions = {3}. Please "
                           "repartition either one so that the number of partitions match.",
                           left.name, table.name, partitions_, wanted))
        .at(join.position)
        .with_hint(fmt::format("Use CREATE STREAM ... WITH (PARTITIONS = {}) AS SELECT * FROM {} "
                               "to make a copy of the stream with this number of partitions.",
                               wanted, left.name));
  }

  // Adds a projection to the key, followed by the columns that the later steps of the query read.
  Status bring_key_to_front(size_t index) {
    const Layout layout = builder_.layout();
    ProjectStep step;
    Layout result;
    if (key_column_ >= 0) {
      const LayoutColumn& key = layout[static_cast<size_t>(key_column_)];
      step.columns.push_back(column_expression(key.type, static_cast<uint32_t>(key_column_)));
      result.push_back(key);
    } else {
      const Scope scope = make_scope(layout, "JOIN ON", analysis_, context_);
      step.columns.push_back(TRY(bind(*analysis_.joins[index].left_key, scope)));
      result.push_back({"", std::string(kJoinKey), step.columns.front().type});
    }
    step.is_key.push_back(true);
    const std::vector<bool> used = used_after(index, layout);
    for (size_t i = 0; i < layout.size(); ++i) {
      if (!used[i] || static_cast<int>(i) == key_column_) continue;
      step.columns.push_back(column_expression(layout[i].type, static_cast<uint32_t>(i)));
      step.is_key.push_back(false);
      result.push_back(layout[i]);
    }
    builder_.add(std::move(step), std::move(result));
    key_column_ = 0;
    return {};
  }

  std::vector<bool> used_after(size_t index, const Layout& layout) const {
    std::vector<bool> used(layout.size(), false);
    const auto mark = [&](const ExpressionPtr& expression) {
      if (expression) mark_used(*expression, layout, used);
    };
    for (size_t i = index + 1; i < analysis_.joins.size(); ++i) mark(analysis_.joins[i].left_key);
    for (const AnalysedItem& item : analysis_.items) mark(item.expression);
    std::ranges::for_each(analysis_.group_by, mark);
    std::ranges::for_each(analysis_.partition_by, mark);
    mark(analysis_.where);
    mark(analysis_.having);
    return used;
  }

  void add_look_up(size_t index) {
    const AnalysedJoin& join = analysis_.joins[index];
    const AnalysedSource& table = source(join.right);
    const int rows = builder_.last_node();
    Layout both = builder_.layout();
    InputStep input = read_topic(*table.source);
    input.is_joined = true;
    input.is_read_first = is_read_first(*table.source);
    const bool goes_by_time = !input.is_read_first;
    input.store = builder_.add_store(StoreKind::Rows,
                                     fmt::format("KafkaTopic_{}Right-Reduce", left_of(index)));
    StreamTableJoinStep step{.type = join.type,
                             .stream_key = key_column_,
                             .store = input.store,
                             .key_format = identity_format(table.source->key_format)};
    builder_.add_node(std::move(input), {}, input_layout(*table.source, table.alias));
    const int kept = builder_.last_node();
    both.insert(both.end(), builder_.layout().begin(), builder_.layout().end());
    builder_.add_node(std::move(step), {rows, kept}, std::move(both));
    // If the inputs were not ordered by time, a record that still waits in an exchange could be
    // joined with a row of the table that is later than the record.
    if (goes_by_time && is_persistent()) builder_.order_inputs();
  }

  // Returns whether the table is read before the stream. A SELECT that ends shows the present rows, whatever their
  // times. In a continuous query, the table is read first if the clocks cannot be compared: the table has the times
  // at which its rows arrived, and the stream has the times of the events.
  bool is_read_first(const DataSource& table) const {
    if (target_.use == QueryUse::Push && analysis_.emit == Emit::None) return true;
    const auto wish = context_.properties.find("join.table.bootstrap");
    if (wish != context_.properties.end()) return wish->second == "true";
    if (context_.settings.ksqldb_compat) return false;
    std::set<std::string> seen, seen_of_table;
    return !has_time_from_data(table, context_.catalog, seen_of_table) &&
           has_time_from_data(*source(0).source, context_.catalog, seen);
  }

  const Analysis& analysis_;
  const SelectTarget& target_;
  const PlanContext& context_;
  StageBuilder& builder_;
  PlannedJoins planned_;
  bool rows_are_table_ = false;
  // The key of the rows of the last node. key_column_ is -1 if none of their columns is the key.
  int key_column_ = -1;
  std::vector<int> key_columns_;  // tables: all key columns
  FormatSpec key_format_;
  int partitions_ = 1;
  bool was_sorted_ = false;  // the rows are read from an exchange
  int rows_store_ = -1;      // tables: store of the last node's rows
  size_t moves_ = 0;         // number of streams that were repartitioned for joins with streams
};

}  // namespace

Result<PlannedJoins> plan_joins(const Analysis& analysis, const SelectTarget& target,
                                const PlanContext& context, StageBuilder& builder) {
  return JoinPlanner(analysis, target, context, builder).plan();
}

}  // namespace engine
