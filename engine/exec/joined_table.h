// Keeps the rows that a join of tables has produced. They are needed for look-ups and for the next
// join. They also show whether a delete removes a row that exists.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/exec/keyed_table.h"
#include "engine/exec/operator.h"
#include "engine/exec/shown_rows.h"

namespace engine {

// Keeps the joined rows in a store, under their key bytes. A stored row is a head, whose meaning
// the derived class defines, followed by the used columns in the row codec.
//
// Threads: the task's.
class JoinedTableOperator : public Operator, public Materialized, public KeyedTable {
 public:
  // `layout` is the output layout. `used` marks the columns that are stored. `head_bytes` is the size of each row's
  // head. `old_too` is set if the output needs the replaced rows.
  JoinedTableOperator(TaskContext& context, const Layout& layout, const std::vector<bool>& used,
                      bool old_too, size_t head_bytes = 0);

  // Returns whether a push query still has to get rows of the table. Derived classes also return
  // true while a batch is not finished.
  bool has_rest() const override { return showing_.has_value(); }
  bool holds_commits_back() const override { return true; }

  RowStore& rows() override { return rows_; }
  Result<Batch> rows_of(std::span<const StoredRow> rows) override;

  Materialized* materialized() override { return this; }
  Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) override;
  TableScan begin_scan() override;
  Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) override;

  void begin_bootstrap() override { suppresses_output_ = true; }
  Status end_bootstrap() override;

 protected:
  struct How {
    std::string_view head = {};      // head to store in front of the row
    bool emits_all_deletes = false;  // true: the delete of a row that did not exist is emitted, too
  };
  // Applies the changes that the rows of one batch make to the table, one after the other.
  class Changes {
   public:
    // `joined` has rows in the output layout. `joined.present` is false for the rows of keys that have no joined row.
    Changes(JoinedTableOperator& table, const Batch& joined);
    // Stores the row of the batch under the key, or deletes the key's row if the batch's row is absent.
    Status apply(uint32_t row, std::string_view key, const How& how);
    Status apply(uint32_t row, std::string_view key) { return apply(row, key, How()); }
    // `joined` is the batch that was passed to the constructor. Returns those of its rows that have
    // changed the table, together with the rows that they have replaced and with their keys.
    // `owner` keeps the bytes of the keys alive. The first `key_count` columns are the key.
    Batch take(Batch joined, size_t key_count, std::shared_ptr<const void> owner);

   private:
    JoinedTableOperator& table_;
    const Batch& joined_;
    std::vector<const Column*> kept_;
    std::vector<Column> old_columns_;
    std::vector<Column*> old_pointers_;
    Bitmap old_present_;
    std::vector<uint32_t> changed_;
    Column keys_;
  };
  // Passes the changes to the next operator. Between begin_bootstrap() and end_bootstrap() it drops them:
  // end_bootstrap() shows the complete table.
  Status give(Batch changes) { return suppresses_output_ ? Status{} : push(std::move(changes)); }
  // Passes on the next block of the rows that end_bootstrap() found in the table; `showing_` has the rest of them.
  Status show_some();
  const Layout& layout() const { return layout_; }

 private:
  Result<Batch> shown(std::vector<StoredRow> rows);

  const Layout layout_;
  const bool old_too_;
  const size_t head_bytes_;
  std::vector<int> kept_;  // stored columns, as indexes in the layout
  RowStore rows_;
  bool suppresses_output_ = false;
  std::optional<ShownRows> showing_;
};

}  // namespace engine
