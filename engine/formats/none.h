// Implements the format NONE, for a key or value without columns. Records that are written have no
// bytes there. If records of other producers have bytes there, they are ignored.
#pragma once
#include <memory>

#include "engine/formats/writer.h"

namespace engine {

std::unique_ptr<Reader> make_none_reader();
std::unique_ptr<Writer> make_none_writer();

}  // namespace engine
