#include "engine/exec/used_columns.h"

namespace engine {

namespace {

thread_local const std::vector<bool>* used_columns = nullptr;

}  // namespace

UsedColumns::UsedColumns(const std::vector<bool>* used) : before_(used_columns) {
  used_columns = used;
}
UsedColumns::~UsedColumns() { used_columns = before_; }
const std::vector<bool>* UsedColumns::current() { return used_columns; }

}  // namespace engine
