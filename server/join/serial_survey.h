// Which numbers the rows of a log have in SERIAL columns: in a cluster the sequences of these go on behind them.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/metadata/image.h"
#include "storage/log/log.h"

namespace server {

// The greatest, by table and column; none where no row has one above 0.
using GreatestSerials = std::map<std::string, std::map<std::string, int64_t>>;

struct SerialSurvey {
  GreatestSerials greatest = {};
  std::vector<std::string> unreadable = {};  // tables whose rows do not tell, and why
};
// Reads all records of these tables' topics, also those of rows that are gone.
Result<SerialSurvey> serials_in(storage::Log& log, const MetadataImage& image);

}  // namespace server
