/* heights.js -- the heights of many rows: where row i begins, and which row is at y.
 *
 * A binary indexed tree (Fenwick, 1994) over heights in CSS pixels: changing one, asking for a sum
 * and finding a place take time logarithmic in the number of rows, so that a list of 10,000 costs
 * what a list of 10 does. Rows come at the end and go at the front, many at once. */

export class Heights {
    #heights = [];
    #sums = [0]; // #sums[i] is the sum of the lowbit(i) heights up to the i-th, counted from 1
    #total = 0;

    get count() {
        return this.#heights.length;
    }

    get total() {
        return this.#total;
    }

    push(height) {
        const i = this.#heights.push(height);
        let sum = height;

        for (let j = i - 1; j > i - (i & -i); j -= j & -j)
            sum += this.#sums[j];
        this.#sums.push(sum);
        this.#total += height;
    }

    get(index) {
        return this.#heights[index];
    }

    set(index, height) {
        const more = height - this.#heights[index];

        this.#heights[index] = height;
        this.#total += more;
        for (let i = index + 1; i <= this.count; i += i & -i)
            this.#sums[i] += more;
    }

    /* The sum of the heights before this row; of all of them for index == count. */
    top(index) {
        let sum = 0;

        for (let i = index; i > 0; i -= i & -i)
            sum += this.#sums[i];
        return sum;
    }

    /* The row that covers y; the first or the last for what is above or below all. -1: no rows. */
    at(y) {
        let index = 0, step = 1;

        if (this.count === 0)
            return -1;
        while (step * 2 <= this.count)
            step *= 2;
        for (; step > 0; step >>= 1) {
            if (index + step <= this.count && this.#sums[index + step] <= y) {
                index += step;
                y -= this.#sums[index];
            }
        }
        return Math.min(index, this.count - 1);
    }

    /* Without the first rows. */
    drop(count) {
        const rest = this.#heights.slice(count);

        this.clear();
        for (const height of rest)
            this.push(height);
    }

    clear() {
        this.#heights = [];
        this.#sums = [0];
        this.#total = 0;
    }
}
