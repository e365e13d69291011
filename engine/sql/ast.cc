#include "engine/sql/parse.h"
