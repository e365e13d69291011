// The format of a side without columns: records have no bytes there, and what others put there is
// ignored.
#pragma once
#include <memory>

#include "engine/formats/writer.h"

namespace engine {

std::unique_ptr<Reader> make_none_reader();
std::unique_ptr<Writer> make_none_writer();

}  // namespace engine
