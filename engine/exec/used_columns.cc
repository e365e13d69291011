#include "engine/exec/used_columns.h"

namespace engine {

namespace {

thread_local const std::vector<bool>* used_columns = nullptr;
thread_local const EarlyFilter* early_filter = nullptr;

}  // namespace

UsedColumns::UsedColumns(const std::vector<bool>* used, const EarlyFilter* filter)
    : before_(used_columns), filter_before_(early_filter) {
  used_columns = used;
  early_filter = filter;
}
UsedColumns::~UsedColumns() {
  used_columns = before_;
  early_filter = filter_before_;
}
const std::vector<bool>* UsedColumns::current() { return used_columns; }
const EarlyFilter* UsedColumns::filter() { return early_filter; }

}  // namespace engine
