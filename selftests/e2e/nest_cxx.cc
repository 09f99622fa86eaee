// SPDX-License-Identifier: GPL-2.0
// As nest.c, with names that only C++ has.
#include <cstdio>
#include <semaphore.h>

namespace store
{
class Pool {
	sem_t units;

    public:
	explicit Pool(int n)
	{
		sem_init(&units, 0, n);
	}
	int take();
	void put();
};

__attribute__((noipa)) int Pool::take()
{
	return sem_wait(&units) ? -1 : 0;
}

__attribute__((noipa)) void Pool::put()
{
	sem_post(&units);
}

struct Order {
	int number;
};

template <class Row> struct Table {
	Pool &pool;
	__attribute__((noipa)) int fetch(const Row &row);
};

template <class Row> int Table<Row>::fetch(const Row &row)
{
	auto audit = [this] {
		int r = pool.take();

		pool.put();
		return r;
	};
	int r = pool.take();

	r += audit() + row.number;
	pool.put();
	return r;
}
}

int main()
{
	store::Pool pool(3);
	store::Table<store::Order> table{ pool };
	char line[80];

	std::setvbuf(stdout, nullptr, _IOLBF, 0);
	std::puts("ready");
	while (std::fgets(line, sizeof(line), stdin))
		std::printf("nested %d\n", table.fetch({ 7 }));
	return 0;
}
