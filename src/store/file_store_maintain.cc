// Work of a FileStore that nobody waits for.
#include "store/file_store.h"

#include "petrel/base/check.h"

#include <algorithm>
#include <cstring>

namespace petrel::store {

bool FileStore::maintain() {
  return false;
}
void FileStore::abandon_copy() {
  copy_ = nullptr;
}

}  // namespace petrel::store
