// The rows that a join of tables makes: they answer look-ups, are a side of the next join, and tell whether there is
// something to delete.
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

// Rows lie under their key bytes: a head, of which only the join knows what it says, and the columns that are
// used, in the row codec.
//
// Threads: the task's.
class JoinedTableOperator : public Operator, public Materialized, public KeyedTable {
 public:
  // `layout`: of what it gives, with the columns of it that are kept. `head_bytes`: of each row.
  // `old_too`: the output needs the replaced rows.
  JoinedTableOperator(TaskContext& context, const Layout& layout, const std::vector<bool>& used,
                      bool old_too, size_t head_bytes = 0);

  // What is left to be shown. What is left of a batch is for the derived class to add.
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
    std::string_view head = {};      // of the row
    bool tells_all_deletes = false;  // also of a row that was not there
  };
  // Changes that the rows of one batch make, one after the other.
  class Changes {
   public:
    // `joined`: rows in the layout, marked present if a joined row exists.
    Changes(JoinedTableOperator& table, const Batch& joined);
    // A row of the batch becomes that of the key, or takes it away.
    Status apply(uint32_t row, std::string_view key, const How& how);
    Status apply(uint32_t row, std::string_view key) { return apply(row, key, How()); }
    // The rows of the batch, which is given again, that have changed something, with the replaced ones and with
    // keys, whose bytes `owner` keeps. The first `key_count` columns are the key.
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
  // Unless the table is being filled.
  Status give(Batch changes) { return suppresses_output_ ? Status{} : push(std::move(changes)); }
  // Goes on with what is left to be shown.
  Status show_some();
  const Layout& layout() const { return layout_; }

 private:
  Result<Batch> shown(std::vector<StoredRow> rows);

  const Layout layout_;
  const bool old_too_;
  const size_t head_bytes_;
  std::vector<int> kept_;  // columns of the layout
  RowStore rows_;
  bool suppresses_output_ = false;
  std::optional<ShownRows> showing_;
};

}  // namespace engine
