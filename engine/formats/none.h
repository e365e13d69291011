// Implements the format of a side without columns. Written records have no bytes on this side, and
// bytes of other producers are ignored.
#pragma once
#include <memory>

#include "engine/formats/writer.h"

namespace engine {

std::unique_ptr<Reader> make_none_reader();
std::unique_ptr<Writer> make_none_writer();

}  // namespace engine
